"""Manifests are read strictly: what is unknown, unsupported or does not fit together is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import manifests
from local.layout import ROOT
from local.manifests.duration import go_seconds, iso_seconds
from tests.local.yaml_files import kafka_source, ping_source, ref, route, service, write

Change = Callable[[dict[str, dict[str, Any]]], object]


def good() -> dict[str, dict[str, Any]]:
    return {
        "service": service("f"),
        "source": kafka_source("f", "t", dead_letter="f"),
        "ping": ping_source("p", "f"),
        "route": route("f"),
    }


def problems(folder: Path, change: Change, *more: dict[str, Any]) -> list[str]:
    parts = good()
    change(parts)
    table = parts.pop("route")
    try:
        manifests.read(write(folder, [*parts.values(), *more], [table]))
    except manifests.ManifestError as error:
        return error.problems
    return []


def test_the_manifests_of_the_project_are_good() -> None:
    found = manifests.read(ROOT)
    assert found.services
    assert found.sources
    assert found.pings
    assert found.routes


def test_the_good_ones_are_good(tmp_path: Path) -> None:
    assert problems(tmp_path, lambda parts: None) == []


TEMPLATE = "service/spec/template"
CONTAINER = f"{TEMPLATE}/spec/containers/0"
SCALING = f"{TEMPLATE}/metadata/annotations"
DELIVERY = "source/spec/delivery"
PLACES = {
    "service": "knative/domain/all.yaml: Service f: ",
    "source": "knative/domain/all.yaml: KafkaSource f: ",
    "ping": "knative/domain/all.yaml: PingSource p: ",
    "route": "istio/routes.yaml: http[0] f: ",
    "table": "istio/routes.yaml: VirtualService wadi: ",
}
GONE = object()


def put(parts: Any, path: str, value: Any) -> None:
    *way, last = path.split("/")
    for step in way:
        parts = parts[int(step)] if isinstance(parts, list) else parts[step]
    if value is GONE:
        del parts[last]
    else:
        parts[last] = value


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"),
    [
        ("service/apiVersion", "v1", "service", "Invalid enum value 'v1' - at `$.apiVersion`"),
        ("service/metadata/namespace", "x", "service", "Invalid enum value 'x' - at `$.metadata.namespace`"),
        ("service/status", {}, "service", "Object contains unknown field `status`"),
        (f"{TEMPLATE}/spec/volumes", [], "service",
         "Object contains unknown field `volumes` - at `$.spec.template.spec`"),
        (f"{CONTAINER}/resources", {}, "service",
         "Object contains unknown field `resources` - at `$.spec.template.spec.containers[0]`"),
        (f"{CONTAINER}/env", [{"name": "A", "valueFrom": {}}], "service",
         "Object contains unknown field `valueFrom` - at `$.spec.template.spec.containers[0].env[0]`"),
        (SCALING, {"autoscaling.knative.dev/target": "1"}, "service",
         "Object contains unknown field `autoscaling.knative.dev/target` - at `$.spec.template.metadata.annotations`"),
        (SCALING, {"autoscaling.knative.dev/min-scale": "2", "autoscaling.knative.dev/max-scale": "1"}, "service",
         "min-scale 2 is greater than max-scale 1"),
        (SCALING, {"autoscaling.knative.dev/min-scale": "one"}, "service",
         "Expected `str` matching regex '^\\\\d{1,6}$' - at"
         " `$.spec.template.metadata.annotations.autoscaling.knative.dev/min-scale`"),
        (f"{TEMPLATE}/spec/containerConcurrency", 1001, "service",
         "Expected `int` <= 1000 - at `$.spec.template.spec.containerConcurrency`"),
        (f"{TEMPLATE}/spec/timeoutSeconds", "60", "service",
         "Expected `int`, got `str` - at `$.spec.template.spec.timeoutSeconds`"),
        (f"{TEMPLATE}/spec/containers", [{"image": "a"}, {"image": "b"}], "service",
         "Expected `array` of length <= 1 - at `$.spec.template.spec.containers`"),
        (f"{CONTAINER}/env", [], "service", "env FUNCTION_TARGET is missing: it names the function to serve"),
        (f"{CONTAINER}/env", [{"name": "FUNCTION_TARGET", "value": "f"}, {"name": "PORT"}], "service",
         "env PORT is set by Knative and must not be named"),
        (f"{CONTAINER}/env", [{"name": "FUNCTION_TARGET", "value": "f"}] * 2, "service",
         "env FUNCTION_TARGET stands 2 times"),
        ("source/spec/sink", ref("g"), "source", "sink: there is no Service g"),
        ("source/spec/sink", {"uri": "http://x"}, "source", "Object contains unknown field `uri` - at `$.spec.sink`"),
        (f"{DELIVERY}/deadLetterSink", ref("g"), "source", "delivery.deadLetterSink: there is no Service g"),
        (f"{DELIVERY}/backoffDelay", "1s", "source",
         "delivery.backoffDelay: '1s' is no ISO 8601 duration such as PT1S, PT0.5S or PT10M"),
        (f"{DELIVERY}/timeout", "P", "source",
         "delivery.timeout: 'P' is no ISO 8601 duration such as PT1S, PT0.5S or PT10M"),
        (f"{DELIVERY}/backoffDelay", GONE, "source",
         "delivery.retry without delivery.backoffDelay would retry without a pause"),
        (f"{DELIVERY}/backoffPolicy", "random", "source",
         "Invalid enum value 'random' - at `$.spec.delivery.backoffPolicy`"),
        (f"{DELIVERY}/retryAfterMax", "PT1S", "source",
         "Object contains unknown field `retryAfterMax` - at `$.spec.delivery`"),
        ("source/spec/topics", [], "source", "Expected `array` of length >= 1 - at `$.spec.topics`"),
        ("source/spec/topics", ["t", "t"], "source", "topic t stands 2 times"),
        ("source/spec/ordering", "sorted", "source", "Invalid enum value 'sorted' - at `$.spec.ordering`"),
        ("source/spec/consumers", 2, "source", "Object contains unknown field `consumers` - at `$.spec`"),
        ("ping/spec/schedule", "* * * *", "ping",
         "schedule '* * * *': a schedule has five fields: minute, hour, day, month, day of week"),
        ("ping/spec/schedule", "99 * * * *", "ping", "schedule '99 * * * *': Bad minute"),
        ("ping/spec/timezone", "Mars/Olympus", "ping", "timezone 'Mars/Olympus' is not known here"),
        ("ping/spec/sink", ref("g"), "ping", "sink: there is no Service g"),
        ("route/route", [{"destination": {"host": "g.wadi.svc.cluster.local"}}], "route",
         "destination: there is no Service g"),
        ("route/timeout", "PT1S", "route", "timeout: 'PT1S' is no duration such as 500ms, 60s or 1m30s"),
        ("route/match", [{"uri": {"regex": "(?=x)"}}], "route",
         "match.uri regex '(?=x)' uses what RE2 does not have"),
        ("route/match", [{"uri": {"regex": "("}}], "route",
         "match.uri regex '(': missing ), unterminated subpattern at position 0"),
        ("route/match", [{"uri": {"exact": "/", "prefix": "/"}}], "route",
         "match.uri must have one of exact, prefix and regex"),
        ("route", route("f", {"uri": {"regex": "/x"}}, rewrite={"uri": "/y"}), "route",
         "rewrite.uri after a regex match is not done here"),
        ("route/match", [{"queryParams": {}}], "table",
         "Object contains unknown field `queryParams` - at `$.spec.http[0].match[0]`"),
        ("route/fault", {}, "table", "Object contains unknown field `fault` - at `$.spec.http[0]`"),
        ("route/retries", {"attempts": 2}, "table", "Invalid enum value 2 - at `$.spec.http[0].retries.attempts`"),
        ("route/corsPolicy", {"maxAge": "1 day"}, "route",
         "corsPolicy.maxAge: '1 day' is no duration such as 500ms, 60s or 1m30s"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, path: str, value: Any, place: str, reason: str) -> None:
    assert problems(tmp_path, lambda parts: put(parts, path, value)) == [PLACES[place] + reason]


def test_an_unknown_kind_and_a_name_that_is_none(tmp_path: Path) -> None:
    assert problems(tmp_path, lambda parts: put(parts, "service/kind", "Deployment")) == [
        "knative/domain/all.yaml: Deployment f: kind 'Deployment' is not run here"
        " (known: Service, KafkaSource, PingSource)"
    ]
    root = tmp_path / "name"
    found = problems(root, lambda parts: put(parts, "service/metadata/name", "F_x"))
    assert found[0].startswith("knative/domain/all.yaml: Service F_x: Expected `str` matching regex")


def test_two_of_one_name_and_two_sources_of_one_group(tmp_path: Path) -> None:
    other = kafka_source("other", "t", sink="f")
    other["spec"]["consumerGroup"] = "f"
    found = problems(tmp_path, lambda parts: None, service("f"), other)
    place = "knative/domain/all.yaml: Service f"
    assert found == [
        f"Service f is defined 2 times: {place}, {place}",
        "consumerGroup f is used by 2 KafkaSources: each would get a part of the events only",
    ]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    def change(parts: dict[str, Any]) -> None:
        put(parts, f"{CONTAINER}/env", [])
        put(parts, "ping/spec/sink", ref("g"))

    assert len(problems(tmp_path, change)) == 2


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    root = write(tmp_path, list(good().values())[:1], [])
    (root / "knative" / "twice.yaml").write_text("kind: Service\nkind: KafkaSource\n")
    with pytest.raises(manifests.ManifestError, match=r"knative/twice.yaml: the key 'kind' stands twice"):
        manifests.read(root)


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list", "\t", "a: !!python/object:x {}"])
def test_what_is_no_manifest_at_all(tmp_path: Path, text: str) -> None:
    root = write(tmp_path, [], [])
    (root / "knative" / "odd.yaml").write_text(text)
    with pytest.raises(manifests.ManifestError, match=r"^knative/odd.yaml: "):
        manifests.read(root)


def test_no_route_table(tmp_path: Path) -> None:
    root = write(tmp_path, [], [])
    (root / "istio" / "routes.yaml").unlink()
    with pytest.raises(manifests.ManifestError, match=r"^istio/routes.yaml: the file is missing$"):
        manifests.read(root)


def test_kustomize_files_and_overlays_are_about_clusters(tmp_path: Path) -> None:
    root = write(tmp_path, list(good().values())[:1], [])
    (root / "knative" / "kustomization.yaml").write_text("kind: Kustomization")
    (root / "knative" / "overlays" / "big").mkdir(parents=True)
    (root / "knative" / "overlays" / "big" / "patch.yaml").write_text(yaml.safe_dump({"kind": "Patch"}))
    assert list(manifests.read(root).services) == ["f"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT1S", 1), ("PT0.25S", 0.25), ("PT10M", 600), ("PT1H30M", 5400), ("P1DT1S", 86401)]
)
def test_iso_durations(text: str, seconds: float) -> None:
    assert iso_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1S", "PT1", "P1Y", "PT-1S", "P1DT"])
def test_what_is_no_iso_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        iso_seconds(text)


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("60s", 60), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400)])
def test_go_durations(text: str, seconds: float) -> None:
    assert go_seconds(text) == seconds


@pytest.mark.parametrize(("policy", "waits"), [("linear", [2, 4, 6, 8]), ("exponential", [4, 8, 16, 32])])
def test_backoff_as_the_kafka_data_plane_counts(policy: Any, waits: list[float]) -> None:
    delivery = manifests.Delivery(retry=4, backoff_policy=policy, backoff_delay="PT2S")
    assert [delivery.backoff(failures) for failures in range(1, 5)] == waits
