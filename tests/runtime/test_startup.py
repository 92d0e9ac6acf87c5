"""A function that cannot be served says why in one line, and ends."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.conftest import Notes
from tests.runtime.processes import ROOT, environment, serving


def start(**settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shared.runtime.serve"],
        cwd=ROOT,
        env=environment(**{"FUNCTION_TARGET": "list_videos", **settings}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"FUNCTION_TARGET": ""}, ["FUNCTION_TARGET"]),
        ({"FUNCTION_TARGET": "no_such_thing"}, ["FUNCTION_TARGET", "no_such_thing"]),
        ({"FUNCTION_TARGET": "../shared/serve"}, ["FUNCTION_TARGET", "../shared/serve"]),
        ({"FUNCTION_SOURCE": "/no/such/file.py"}, ["FUNCTION_SOURCE", "/no/such/file.py"]),
        ({"FUNCTION_SOURCE": str(ROOT / "shared" / "ids.py"), "FUNCTION_TARGET": "new_id"}, ["new_id", "ids.py"]),
        ({"FUNCTION_SOURCE": str(ROOT / "shared" / "ids.py"), "FUNCTION_TARGET": "other"}, ["other", "ids.py"]),
        ({"DATABASE_URL": ""}, ["DATABASE_URL"]),
        ({"DATABASE_URL": "mysql://localhost/wadi"}, ["DATABASE_URL", "postgresql://"]),
        ({"DATABASE_URL": "postgresql://localhost:many/wadi"}, ["DATABASE_URL"]),
        ({"JWT_SECRET": ""}, ["JWT_SECRET"]),
        ({"PORT": "many"}, ["PORT", "many"]),
        ({"PORT": "0"}, ["PORT", "0"]),
        ({"PORT": "70000"}, ["PORT", "70000"]),
        ({"BIND_HOST": "192.0.2.1"}, ["192.0.2.1"]),
        ({"CONTAINER_CONCURRENCY": "-1"}, ["CONTAINER_CONCURRENCY", "-1"]),
        ({"TIMEOUT_SECONDS": "0"}, ["TIMEOUT_SECONDS"]),
        ({"LOG_LEVEL": "LOUD"}, ["LOG_LEVEL", "LOUD"]),
    ],
    ids=lambda value: (
        " ".join(f"{name}={setting}" for name, setting in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_a_wrong_setting_is_one_line(notes: Notes, settings: dict[str, str], names: list[str]) -> None:
    ended = start(**settings)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert [name for name in names if name not in line] == []
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_one_line(notes: Notes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = start(PORT=port)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"PORT={port}" in line
    assert "in use" in line


def test_a_database_that_does_not_answer_is_not_ready_and_one_line(notes: Notes, tmp_path: Path) -> None:
    with serving("read_thing", tmp_path / "log", DATABASE_URL="postgresql://u:secret@127.0.0.1:1/wadi") as served:
        assert served.get("/health") == 200
        assert served.get("/ready") == 503
        (line,) = served.said().splitlines()
    assert "DATABASE_URL" in line
    assert "127.0.0.1:1" in line
    assert "refused" in line
    assert "secret" not in line
