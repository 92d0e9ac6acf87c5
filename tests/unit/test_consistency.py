"""A capability is one file of Python, one of YAML and one of tests: this holds them, and the events, to one another."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from events import EVENTS
from shared.runtime.capability import Capability, EventCapability, HttpCapability, PingCapability
from tests.collecting import collected
from tools.generate.capabilities import capabilities, function_files
from tools.generate.errors import ROOT
from tools.generate.manifests import check_manifests, documents, manifests

FILES = function_files()
STEMS = [file.stem for file in FILES]
CAPABILITIES = {each.name: each for each in collected(capabilities)}
collected(check_manifests)
BACKENDS = {"KafkaSource", "PingSource"}
DEAD_LETTERS = "record-failure"


def manifest(file: Path) -> Path:
    return ROOT / "knative" / file.parent.name / f"{kebab(file)}.yaml"


def kebab(file: Path) -> str:
    return file.stem.replace("_", "-")


def capability(file: Path) -> Capability:
    return CAPABILITIES[file.stem]


def sources(kind: str) -> list[dict[str, Any]]:
    return [document for file in manifests() for document in documents(file) if document["kind"] == kind]


def test_there_are_capabilities_and_no_two_share_a_name() -> None:
    assert FILES
    assert [stem for stem, count in Counter(STEMS).items() if count > 1] == []


@pytest.mark.parametrize("file", FILES, ids=STEMS)
def test_a_capability_has_its_three_files_and_one_name(file: Path) -> None:
    assert capability(file).name == file.stem
    assert manifest(file).is_file(), f"{manifest(file)} is missing"
    tests = ROOT / "tests" / "functions" / f"test_{file.stem}.py"
    assert tests.is_file(), f"{tests} is missing"


@pytest.mark.parametrize("file", FILES, ids=STEMS)
def test_the_service_of_a_capability_serves_it(file: Path) -> None:
    (service,) = [document for document in documents(manifest(file)) if document["kind"] == "Service"]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    assert service["metadata"]["name"] == kebab(file)
    assert {"name": "FUNCTION_TARGET", "value": file.stem} in container["env"]
    assert container["image"] in ("wadi/api", "wadi/media")


@pytest.mark.parametrize("file", FILES, ids=STEMS)
def test_what_wakes_a_capability_is_what_it_declares(file: Path) -> None:
    declared, name = capability(file), kebab(file)
    waking = [document for document in documents(manifest(file)) if document["kind"] in BACKENDS]
    assert all(document["spec"]["sink"]["ref"]["name"] == name for document in waking)
    kinds = [document["kind"] for document in waking]
    match declared:
        case HttpCapability():
            assert kinds == []
        case PingCapability():  # what it is told does not matter to it, so events of any type may wake it too
            assert sorted(kinds) in (["PingSource"], ["KafkaSource", "PingSource"])
        case EventCapability(events=()):
            assert name == DEAD_LETTERS
            assert kinds == []
        case EventCapability(events=events):
            assert kinds == ["KafkaSource"]
            (source,) = waking
            assert source["metadata"]["name"] == name
            assert source["spec"]["topics"] == [event.type for event in events]


@pytest.mark.parametrize("source", sources("KafkaSource"), ids=lambda source: source["metadata"]["name"])
def test_a_source_states_all_of_its_delivery(source: dict[str, Any]) -> None:
    """Naming a dead letter sink drops every default of Knative's, so each field is written out."""
    spec = source["spec"]
    assert spec["consumerGroup"] == source["metadata"]["name"]
    assert spec["initialOffset"] == "earliest"
    assert spec["ordering"] in ("ordered", "unordered")
    assert spec["delivery"].keys() == {"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink"}
    assert spec["delivery"]["deadLetterSink"]["ref"]["name"] == DEAD_LETTERS


def test_every_yaml_belongs_to_a_capability() -> None:
    assert set(manifests()) - {manifest(file) for file in FILES} == set()


def test_every_test_of_a_function_belongs_to_a_capability() -> None:
    stems = {file.stem.removeprefix("test_") for file in (ROOT / "tests" / "functions").glob("test_*.py")}
    assert stems - set(STEMS) == set()


def test_every_topic_is_an_event_and_an_event_has_one_name() -> None:
    topics = {topic for source in sources("KafkaSource") for topic in source["spec"]["topics"]}
    assert topics - EVENTS.keys() == set()
    assert {name: event.type for name, event in EVENTS.items()} == {name: name for name in EVENTS}


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_every_event_is_published_by_someone(event: type) -> None:
    code = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    assert any(event.__name__ in calls(file) for file in code), f"nothing in functions/ or shared/ makes a {event}"


@cache
def calls(file: Path) -> set[str]:
    """Names that are called in a file."""
    nodes = ast.walk(ast.parse(file.read_text()))
    called = (node.func for node in nodes if isinstance(node, ast.Call))
    return {name.id if isinstance(name, ast.Name) else getattr(name, "attr", "") for name in called}
