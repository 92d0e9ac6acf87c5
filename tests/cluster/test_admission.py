"""Every manifest is taken by a real API server with Knative's own webhooks, and what is wrong is refused by them.

All are dry runs on the server: it decides as it always does, and keeps nothing. Strict: a field that it does not know
is an error, where kubectl would else leave it out with a warning that nobody reads.
"""

import copy
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from deploy.overlays import OVERLAYS, PLATFORM
from tests.patience import until
from tools.cluster.crds import Document
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane, Refused

DRY = "--dry-run=server"
# What no Go module has the definition of: Strimzi's is made by its Java build.
UNDEFINED = {"kafka.strimzi.io"}
FUNCTION = "transcode-segment"
Change = Callable[[Document], object]


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Document]]:
    return {name: render(folder) for name, folder in OVERLAYS.items()}


@pytest.fixture(scope="module")
def ready(plane: Plane, rendered: dict[str, list[Document]]) -> Plane:
    """With all namespaces that overlays name: a dry run makes none, and what is to be in them would be refused.

    And with what Wadi asks of Knative, once the webhook has seen it: it hears of a changed ConfigMap a moment later.
    """
    everything = [*itertools.chain(*rendered.values())]
    theirs = {one["metadata"]["namespace"] for one in everything if "namespace" in one["metadata"]}  # istio-system
    spaces = {name: {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in theirs}
    spaces |= {one["metadata"]["name"]: one for one in everything if one["kind"] == "Namespace"}
    plane.apply([*spaces.values(), *render(PLATFORM)])
    longest = _changed(_known(rendered, "Service", FUNCTION), lambda it: _spec(it).update(timeoutSeconds=3600))
    until(lambda: plane.apply([longest], DRY), ignoring=Refused)
    return plane


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_manifest_of_an_overlay_is_admitted(ready: Plane, rendered: dict[str, list[Document]], name: str) -> None:
    documents = [one for one in rendered[name] if one["apiVersion"].split("/")[0] not in UNDEFINED]
    assert documents
    answer = ready.apply(documents, DRY)
    admitted = [line for line in answer.splitlines() if line.endswith("serverside-applied (server dry run)")]
    assert len(admitted) == len(documents)


# What is changed in a Service that is admitted, and why Knative then refuses it.
SERVICES: dict[str, tuple[Change, str]] = {
    "min-scale over max-scale": (
        lambda it: _scaling(it, **{"min-scale": "21", "max-scale": "20"}),
        r"max-scale=20 is less than min-scale=21",
    ),
    "a scale that is no number": (lambda it: _scaling(it, **{"max-scale": "many"}), r"invalid value: many"),
    "a window under 6 s": (lambda it: _scaling(it, window="5s"), r"expected 6s <= 5s <= 1h0m0s"),
    "a field that there is not": (
        lambda it: _container(it).update(comand=["x"]),
        r"containers\[0\].comand: field not declared in schema",
    ),
    "two ports": (
        lambda it: _container(it).update(ports=[{"containerPort": 8080}, {"containerPort": 8081}]),
        r"more than one container port is set",
    ),
    "a timeout over what the platform allows": (
        lambda it: _spec(it).update(timeoutSeconds=3601),
        r"expected 0 <= 3601 <= 3600",
    ),
    "negative concurrency": (lambda it: _spec(it).update(containerConcurrency=-1), r"expected 0 <= -1 <= 1000"),
    "no image": (lambda it: _container(it).pop("image"), r"missing field\(s\): .*image"),
    "a volume that is not mounted": (
        lambda it: _spec(it)["volumes"].append({"name": "spare", "emptyDir": {}}),
        r'volume with name "spare" not mounted',
    ),
    "a folder of the node": (
        lambda it: _spec(it)["volumes"].append({"name": "node", "hostPath": {"path": "/"}}),
        r"volumes\[\d+\].hostPath: field not declared in schema",
    ),
    "a privileged container": (
        lambda it: _container(it)["securityContext"].update(privileged=True),
        r"securityContext.privileged: field not declared in schema",
    ),
    "traffic that does not add up": (
        lambda it: it["spec"].update(traffic=[{"latestRevision": True, "percent": 90}]),
        r"Traffic targets sum to 90, want 100",
    ),
}


@pytest.mark.parametrize("wrong", SERVICES)
def test_a_wrong_service_is_refused(ready: Plane, rendered: dict[str, list[Document]], wrong: str) -> None:
    change, reason = SERVICES[wrong]
    _refuses(ready, _changed(_known(rendered, "Service", FUNCTION), change), reason)


KAFKA_SOURCES: dict[str, tuple[Change, str]] = {
    "no topics": (lambda it: it["spec"].pop("topics"), r"spec.topics: Required value"),
    "no servers": (lambda it: it["spec"].pop("bootstrapServers"), r"spec.bootstrapServers: Required value"),
    "a field that there is not": (lambda it: it["spec"].update(topic="x"), r"spec.topic: field not declared in schema"),
}


@pytest.mark.parametrize("wrong", KAFKA_SOURCES)
def test_a_wrong_kafka_source_is_refused(ready: Plane, rendered: dict[str, list[Document]], wrong: str) -> None:
    change, reason = KAFKA_SOURCES[wrong]
    _refuses(ready, _changed(_known(rendered, "KafkaSource", FUNCTION), change), reason)


PING_SOURCES: dict[str, tuple[Change, str]] = {
    "a schedule of nonsense": (
        lambda it: it["spec"].update(schedule="when I like"),
        r"expected 5 to 6 fields, found 3: \[when I like\]: spec.schedule",
    ),
    "no sink": (lambda it: it["spec"].pop("sink"), r"expected at least one, got none: spec.sink.ref"),
    "data that are no JSON": (
        lambda it: it["spec"].update(contentType="application/json", data="{"),
        r"unexpected end of JSON input: spec.data",
    ),
}


@pytest.mark.parametrize("wrong", PING_SOURCES)
def test_a_wrong_ping_source_is_refused(ready: Plane, rendered: dict[str, list[Document]], wrong: str) -> None:
    change, reason = PING_SOURCES[wrong]
    _refuses(ready, _changed(_known(rendered, "PingSource", "relay-outbox"), change), reason)


TRIGGERS: dict[str, tuple[Change, str]] = {
    "no subscriber": (lambda it: it["spec"].pop("subscriber"), r"expected at least one, got none: spec.subscriber.ref"),
    "no broker": (lambda it: it["spec"].pop("broker"), r"missing field\(s\): .*broker"),
    "a filter for an attribute that cannot be": (
        lambda it: it["spec"].update(filter={"attributes": {"Video-Id": "1"}}),
        r"Invalid attribute name: Video-Id|invalid key name .*Video-Id",
    ),
    "a filter in a language that there is not": (
        lambda it: it["spec"].update(filters=[{"regex": {"type": ".*"}}]),
        r'unknown field "regex"',
    ),
    "a filter that is no expression": (lambda it: it["spec"].update(filters=[{"cesql": "type LIKE"}]), r"spec.filters"),
    "a delay that is no duration": (
        lambda it: it["spec"].update(delivery={"retry": 3, "backoffDelay": "1s"}),
        r"invalid value: 1s",
    ),
}


@pytest.mark.parametrize("wrong", TRIGGERS)
def test_a_wrong_trigger_is_refused(ready: Plane, wrong: str) -> None:
    change, reason = TRIGGERS[wrong]
    right: Document = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "right", "namespace": "wadi"},
        "spec": {
            "broker": "wadi",
            "filter": {"attributes": {"type": "wadi.video.uploaded"}},
            "subscriber": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "plan-video"}},
        },
    }
    ready.apply([right], DRY)
    _refuses(ready, _changed(right, change), reason)


def test_a_wrong_setting_of_knative_is_refused(ready: Plane) -> None:
    [platform] = [one for one in render(PLATFORM) if one["metadata"]["name"] == "config-defaults"]
    change: Change = lambda it: it["data"].update({"max-revision-timeout-seconds": "10"})  # noqa: E731
    _refuses(ready, _changed(platform, change), r"revision-timeout-seconds \(300\) cannot be greater than max.*\(10\)")


def _refuses(plane: Plane, document: Document, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        plane.apply([document], DRY)
    assert re.search(reason, str(refused.value)), str(refused.value)


def _known(rendered: dict[str, list[Document]], kind: str, name: str) -> Document:
    """One of ours that is admitted, of whichever overlay comes first."""
    return next(
        one for one in itertools.chain(*rendered.values()) if (one["kind"], one["metadata"]["name"]) == (kind, name)
    )  # fmt: skip


def _changed(document: Document, change: Change) -> Document:
    changed = copy.deepcopy(document)
    change(changed)
    return changed


def _spec(service: Document) -> dict[str, Any]:
    spec: dict[str, Any] = service["spec"]["template"]["spec"]
    return spec


def _container(service: Document) -> dict[str, Any]:
    container: dict[str, Any] = _spec(service)["containers"][0]
    return container


def _scaling(service: Document, **annotations: str) -> None:
    about = service["spec"]["template"]["metadata"]["annotations"]
    about.update({f"autoscaling.knative.dev/{name}": value for name, value in annotations.items()})
