"""What is wrong with a capability is one sentence of ./task generate, which names the file and what to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tools.generate.errors import ROOT

FUNCTION = '''\
"""Videos like one."""

from msgspec import Struct

from shared.runtime.function import PUBLIC, Context, Response, http_function


class Related(Struct):
    id: str


class RelatedVideos(Struct):
    ids: list[str]


@http_function("GET /api/videos/{id}/related", access=PUBLIC)
def related(request: Related, context: Context) -> RelatedVideos:
    return RelatedVideos([])
'''
SOURCE = "functions/videos/related.py"
YAML = "knative/videos/related.yaml"


class Tree:
    """A copy of what capabilities are made of, with one capability more."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("functions", "knative", "events", "tools/generate", "tools/docs"):
            shutil.copytree(ROOT / folder, root / folder)
        for folder in ("shared", "local"):
            (root / folder).symlink_to(ROOT / folder)
        self.write(SOURCE, FUNCTION)
        service = (root / "knative" / "videos" / "get-video.yaml").read_text()
        self.write(YAML, service.replace("get-video", "related").replace("get_video", "related"))

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))


def source(old: str, new: str) -> Callable[[Tree], None]:
    return lambda tree: tree.replace(SOURCE, old, new)


def yaml(old: str, new: str) -> Callable[[Tree], None]:
    return lambda tree: tree.replace(YAML, old, new)


def misnamed(tree: Tree) -> None:
    (tree.root / YAML).rename(tree.root / "knative" / "videos" / "relate.yaml")


def stray(tree: Tree) -> None:
    shutil.copy(tree.root / YAML, tree.root / "knative" / "videos" / "unrelated.yaml")


def twice(tree: Tree) -> None:
    shutil.copy(tree.root / SOURCE, tree.root / "functions" / "search" / "related.py")


def event_of_a_type_that_is_taken(tree: Tree) -> None:
    text = '\n\nclass VideoSeen(VideoEvent, frozen=True):\n    type: ClassVar[str] = "wadi.video.ready"\n'
    tree.write("events/videos.py", (tree.root / "events" / "videos.py").read_text() + text)


def event_without_an_entry(tree: Tree) -> None:
    text = '\n\nclass VideoSeen(VideoEvent, frozen=True):\n    type: ClassVar[str] = "wadi.video.seen"\n'
    tree.write("events/videos.py", (tree.root / "events" / "videos.py").read_text() + text)


def source_of_no_event(tree: Tree) -> None:
    tree.replace("knative/search/index-message.yaml", "wadi.message.sent", "wadi.message.read")


def source_without_dead_letters(tree: Tree) -> None:
    tree.replace("knative/search/index-message.yaml", "deadLetterSink:", "deadLetters:")


def route_with_another_field(tree: Tree) -> None:
    tree.replace(SOURCE, "{id}/related", "{other}")
    tree.replace(SOURCE, "    id: str", "    other: str")


def request_whose_name_is_taken(tree: Tree) -> None:
    tree.replace(SOURCE, "Related(Struct)", "GetVideo(Struct)")
    tree.replace(SOURCE, "request: Related,", "request: GetVideo,")


def source_of_something_without_an_owner(tree: Tree) -> None:
    tree.replace(SOURCE, "PUBLIC", "OWNER")
    tree.replace(SOURCE, "/api/videos/{id}/related", "/api/films/{id}")


DECORATOR = '@http_function("GET /api/videos/{id}/related", access=PUBLIC)\n'
DEFINITION = "def related(request: Related, context: Context) -> RelatedVideos:"
EVENT = (
    "from events import VideoReady\nfrom shared.runtime.function import event_function\n@event_function(VideoReady)\n"
)

REFUSED: dict[str, tuple[Callable[[Tree], None], str]] = {
    "no YAML": (
        lambda tree: (tree.root / YAML).unlink(),
        f"{YAML} is missing: {SOURCE} needs the YAML of its Service; begin with a copy of another one.",
    ),
    "misnamed YAML": (
        misnamed,
        f"{YAML} is missing (knative/videos/relate.yaml belongs to no function): {SOURCE} needs the YAML of its"
        " Service; begin with a copy of another one.",
    ),
    "YAML of no function": (
        stray,
        "knative/videos/unrelated.yaml belongs to no function: there is no functions/videos/unrelated.py.",
    ),
    "YAML that is none": (yaml("kind: Service", "kind: [Service"), f"{YAML} is not valid YAML: "),
    "YAML without a Service": (yaml("kind: Service", "kind: Deployment"), f"{YAML} has 0 Services: it needs one, of"),
    "a Service of another name": (
        yaml("  name: related", "  name: get-video"),
        f"{YAML}: the Service must be named related, as its file is.",
    ),
    "a Service of another function": (
        yaml("value: related", "value: get_video"),
        f"{YAML}: FUNCTION_TARGET must be related, the function that it serves.",
    ),
    "a Service without a timeout": (
        yaml("timeoutSeconds: 60", ""),
        f"{YAML}: the Service has no spec.template.spec.timeoutSeconds.",
    ),
    "a source without a dead letter sink": (
        source_without_dead_letters,
        "knative/search/index-message.yaml: the KafkaSource has no spec.delivery.deadLetterSink.",
    ),
    "a source of no event": (
        source_of_no_event,
        "knative/search/index-message.yaml: no event of events/__init__.py has the type wadi.message.read.",
    ),
    "a name in two domains": (
        twice,
        f"Two capabilities are named related: functions/search/related.py and {SOURCE}. Rename one.",
    ),
    "no decorator": (
        source(DECORATOR, ""),
        f"{SOURCE} declares no capability: it needs a function named related"
        " with @http_function, @event_function or @ping_function.",
    ),
    "a function of another name": (
        source("def related(", "def relate("),
        f"{SOURCE} declares no capability: it needs a function named related",
    ),
    "the function of another file": (
        lambda tree: tree.write(SOURCE, "from functions.videos.get_video import get_video as related\n"),
        f"{SOURCE}: related is the function get_video of another file: define it here.",
    ),
    "code that fails": (
        source("list[str]", "list[Strings]"),
        f"{SOURCE} cannot be imported: NameError: name 'Strings' is not defined",
    ),
    "a parameter without an annotation": (
        source("context: Context)", "context)"),
        f"{SOURCE} cannot be imported: TypeError: related: the parameter context needs an annotation.",
    ),
    "a parameter too many": (
        source("context: Context)", "context: Context, more: int)"),
        f"{SOURCE}: declare related(request: <a Struct>, context: Context), or related(context: Context).",
    ),
    "a request that is no Struct": (
        source("request: Related,", "request: dict,"),
        f"{SOURCE}: the request of related must be a msgspec Struct.",
    ),
    "no answer": (source(" -> RelatedVideos", ""), f"{SOURCE}: say what related returns: a Struct, Created[…]"),
    "an answer that is no Struct": (source(" -> RelatedVideos", " -> dict"), f"{SOURCE}: say what related returns: "),
    "a route without a method": (
        source("GET /api", "/api"),
        f'{SOURCE}: /api/videos/{{id}}/related is no route: write it as "GET /api/videos/{{id}}", with one of GET, ',
    ),
    "a field that the request lacks": (
        source("    id: str", "    video: str"),
        f"{SOURCE}: the route has {{id}}, and there is no field id in Related.",
    ),
    "a route twice": (source("{id}/related", "{id}"), "get_video and related both answer GET /api/videos/{id}: change"),
    "a route twice, with another name of its field": (
        route_with_another_field,
        "get_video and related both answer GET /api/videos/{other}: change one route.",
    ),
    "something that has an owner, for every CREATOR": (
        source("PUBLIC", "CREATOR"),
        "related: what GET /api/videos/{id}/related is about has an owner: make it PUBLIC, USER, OWNER or ADMIN.",
    ),
    "something without an owner, for its owner": (
        source_of_something_without_an_owner,
        "related: GET /api/films/{id} is OWNER, but of no thing in OWNED of tools/generate/access.py.",
    ),
    "no access": (source(", access=PUBLIC", ""), f"{SOURCE} cannot be imported: TypeError: http_function() missing"),
    "an answer whose name is taken": (
        source("RelatedVideos", "VideoPage"),
        "Two payloads are named VideoPage: in functions.videos.list_videos and in functions.videos.related."
        " The name is public (docs/openapi.json): rename the newer one.",
    ),
    "a request whose name is taken": (
        request_whose_name_is_taken,
        "Two payloads are named GetVideo: in functions.videos.get_video and in functions.videos.related.",
    ),
    "an event function of another event": (
        source(DECORATOR + DEFINITION, EVENT + "def related(event: Related, context: Context) -> None:"),
        f"{SOURCE}: declare related(event: VideoReady, context: Context), as @event_function says.",
    ),
    "an event of a type that is taken": (
        event_of_a_type_that_is_taken,
        "events.videos.VideoSeen and events.videos.VideoReady both have the type wadi.video.ready:"
        " a type is one event, so change one.",
    ),
    "an event that is not in the catalogue": (
        event_without_an_entry,
        "events.videos.VideoSeen is not in EVENTS: add it in events/__init__.py.",
    ),
}


# Runs ./task generate in each tree. What all of them share is imported once, since that takes most of the time.
RUN = """
import os, runpy, sys
from tools.generate.capabilities import capabilities
capabilities()
for tree in sys.argv[1:]:
    if os.fork() == 0:
        for name in [name for name in sys.modules if name.split(".")[0] in ("functions", "events", "tools")]:
            del sys.modules[name]
        sys.path[sys.path.index(os.environ["PYTHONPATH"])] = tree
        for stream in (1, 2):
            os.dup2(os.open(f"{tree}/output-{stream}", os.O_CREAT | os.O_WRONLY), stream)
        runpy.run_module("tools.generate", run_name="__main__", alter_sys=True)
    with open(f"{tree}/output-code", "w") as file:
        file.write(str(os.waitstatus_to_exitcode(os.wait()[1])))
"""


class Outcome(NamedTuple):
    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    """A tree for each way to be wrong, and one that is right; ./task generate was run in all of them."""
    made = {what: Tree(tmp_path_factory.mktemp("tree")) for what in ("nothing", *REFUSED)}
    for what, (spoil, _) in REFUSED.items():
        spoil(made[what])
    subprocess.run(
        [sys.executable, "-P", "-c", RUN, *(str(tree.root) for tree in made.values())],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )
    return made


def outcome(tree: Tree) -> Outcome:
    code, stdout, stderr = ((tree.root / f"output-{name}").read_text() for name in ("code", "1", "2"))
    return Outcome(int(code), stdout, stderr)


def test_a_capability_that_is_right_is_generated(trees: dict[str, Tree]) -> None:
    root, done = trees["nothing"].root, outcome(trees["nothing"])
    assert (done.code, done.stderr) == (0, "")
    assert "istio/routes.yaml" in done.stdout.splitlines()
    assert "related" in (root / "istio" / "routes.yaml").read_text()
    assert "/api/videos/{id}/related" in (root / "docs" / "openapi.json").read_text()


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_one_sentence(what: str, trees: dict[str, Tree]) -> None:
    done, sentence = outcome(trees[what]), REFUSED[what][1]
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert done.code == 1
    assert done.stdout == "", "nothing is written when something is wrong"
