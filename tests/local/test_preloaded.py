"""What a function's process imports was imported by its parent already: a fork pays for no library."""

import subprocess
import sys
from pathlib import Path

from shared.identity import Role, issue_access_token
from shared.ids import new_id
from tests.conftest import Database, Wadi
from tests.runtime.processes import environment

ROOT = Path(__file__).resolve().parents[2]
AFTER_THE_FORK = """
import importlib, sys
from pathlib import Path
from local.activator import zygote
from local.layout import SERVE

zygote.preload(SERVE)
before = set(sys.modules)
"""
TELL = """
ours_for_tests = {"flask.testing", "click.testing"}
new = {name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names}
print(*sorted(name for name in new - ours_for_tests if name.partition(".")[0] not in ("functions", *served)))
"""
EVERY_FUNCTION = """
served = []
for file in Path("functions").glob("*/*.py"):
    importlib.import_module(f"functions.{file.parent.name}.{file.stem}")
"""
FIRST_REQUESTS = """
from shared.runtime.serve import create_app

served = ["me", "index_video"]
token, video = sys.argv[1:]
answer = create_app("me").test_client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
assert answer.status_code == 401 and "no longer exists" in answer.text, answer.text  # the token itself is good
event = {"specversion": "1.0", "id": video, "source": "/tests", "type": "wadi.video.ready"}
headers = {f"ce-{name}": value for name, value in event.items()}
answer = create_app("index_video").test_client().post("/", headers=headers, json={"video_id": video})
assert answer.status_code == 204, answer.text
"""


def imported(script: str, *arguments: str) -> list[str]:
    """The modules, none of them of the standard library, that the script imports after the parent's preload."""
    done = subprocess.run(
        [sys.executable, "-c", AFTER_THE_FORK + script + TELL, *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_everything_that_is_listed_can_be_imported() -> None:
    script = "import importlib\nfrom local.activator.zygote import *\n"
    script += "for name in (*SERVER, *PRELOADED, *FIRST_REQUEST): importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=120, check=True)


def test_functions_import_nothing_else_at_their_top(database: Database, wadi: Wadi) -> None:
    assert imported(EVERY_FUNCTION) == []


def test_the_first_request_and_the_first_event_import_nothing_else(database: Database, wadi: Wadi) -> None:
    assert imported(FIRST_REQUESTS, issue_access_token(new_id(), Role.USER)[0], new_id()) == []
