"""The stand-in for Knative's KafkaSources, on the real kind; what a source says is what becomes of a record."""

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition  # type: ignore[import-untyped]

from events.topics import topic
from local import manifests
from local.layout import ROOT
from shared.cloudevents.kafka import to_record
from shared.outbox.kafka.topics import create
from tests.cluster.echo import Echo, echo, service
from tests.patience import until
from tools.cluster import ingress, kafka_source, standins
from tools.cluster.crds import Document
from tools.cluster.plane import Plane, Refused

SPACE = "kafka-test"
DRY = "--dry-run=server"


@pytest.fixture(scope="module")
def controlled(plane: Plane) -> Iterator[Plane]:
    """The plane, with both stand-ins: events come to Services by the ingress, which knows them without a DNS."""
    plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}])
    standins.define(plane)
    try:
        standins.start(plane)
        yield plane
    finally:
        kafka_source.stop(plane)
        ingress.stop(plane)


@pytest.fixture
def sink(controlled: Plane) -> Iterator[Echo]:
    with served(controlled, "sink") as server:
        yield server


@pytest.fixture
def letters(controlled: Plane) -> Iterator[Echo]:
    with served(controlled, "letters") as server:
        yield server


class served:
    """A server, and a Service of its name that leads to it."""

    def __init__(self, plane: Plane, name: str) -> None:
        self.plane, self.name, self._echo = plane, name, echo(plane.network.host, name)

    def __enter__(self) -> Echo:
        server = self._echo.__enter__()
        self.plane.apply(service(SPACE, self.name, self.plane.network.host, server.port))
        return server

    def __exit__(self, *error: Any) -> None:
        self._echo.__exit__(*error)


def ref(name: str) -> Document:
    return {"ref": {"apiVersion": "v1", "kind": "Service", "name": name}}


class Subscribed:
    """A KafkaSource on a topic of its own, gone at the end."""

    def __init__(self, plane: Plane, broker: str) -> None:
        self.plane, self.broker = plane, broker
        self.name = f"source-{uuid.uuid4().hex[:8]}"
        self.topic = f"wadi.test.{self.name}"
        self.producer = KafkaProducer(bootstrap_servers=broker, metrics_enabled=False)
        self.partition = 0

    def document(self, **spec: Any) -> Document:
        usual = {
            "bootstrapServers": [self.broker],
            "topics": [self.topic],
            "consumerGroup": self.name,
            "initialOffset": "earliest",
            "sink": ref("sink"),
            "delivery": {"retry": 2, "backoffPolicy": "linear", "backoffDelay": "PT0.05S", "timeout": "PT30S"},
        }
        return {
            "apiVersion": "sources.knative.dev/v1beta1",
            "kind": "KafkaSource",
            "metadata": {"name": self.name, "namespace": SPACE},
            "spec": usual | spec,
        }

    def apply(self, **spec: Any) -> None:
        self.plane.apply([self.document(**spec)])

    def ready(self, **spec: Any) -> Document:
        self.apply(**spec)
        until(
            lambda: self.condition("Ready").get("status") == "True",
            lambda: f"the source is ready, not {self.condition('Ready')}",
        )
        return self.status()

    def status(self) -> Document:
        found = self.plane.get("kafkasource", self.name, namespace=SPACE)
        status = found.get("status", {})
        return dict(status) if status.get("observedGeneration") == found["metadata"]["generation"] else {}

    def condition(self, kind: str) -> Document:
        return next((one for one in self.status().get("conditions", []) if one["type"] == kind), {})

    def send(self, identity: str, key: str = "k", **more: Any) -> None:
        event = {
            "specversion": "1.0", "id": identity, "source": "/test", "type": "wadi.test", "partitionkey": key,
            "data": {"of": identity},
        } | more  # fmt: skip
        record = to_record(event)
        self.put(record.key, record.value, record.headers)

    def put(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self.producer.send(self.topic, value, key, headers, partition=self.partition).get(timeout=30)

    def committed(self) -> int | None:
        consumer = KafkaConsumer(bootstrap_servers=self.broker, group_id=self.name, metrics_enabled=False)
        try:
            found = consumer.committed(TopicPartition(self.topic, self.partition))
            return None if found is None else int(found)
        finally:
            consumer.close(autocommit=False)


@pytest.fixture
def source(controlled: Plane, kafka: str) -> Iterator[Subscribed]:
    made = Subscribed(controlled, kafka)
    try:
        yield made
    finally:
        made.producer.close()
        controlled.kubectl("delete", "kafkasource", made.name, "--ignore-not-found", namespace=SPACE)


def ids(server: Echo) -> list[str]:
    return [one["headers"].get("ce-id", "") for one in server.seen]


def test_a_source_gets_ready_and_brings_its_events(source: Subscribed, sink: Echo) -> None:
    status = source.ready()
    assert status["sinkUri"] == f"http://sink.{SPACE}.svc.cluster.local"
    assert {one["type"]: one["status"] for one in status["conditions"]} == dict.fromkeys(
        ("ConnectionEstablished", "Deployed", "InitialOffsetsCommitted", "Ready", "SinkProvided"), "True"
    )
    source.send("a1", "video-1", subject="s ü")
    [event] = until(lambda: sink.seen)
    said = event["headers"]
    assert (event["method"], event["path"], event["body"]) == ("POST", "/", '{"of":"a1"}')
    assert said["Host"] == f"sink.{SPACE}.svc.cluster.local"
    assert (said["ce-type"], said["ce-partitionkey"], said["ce-subject"]) == ("wadi.test", "video-1", "s%20%C3%BC")
    assert said["Content-Type"] == "application/json"
    until(lambda: source.committed() == 1)


def test_what_is_no_event_comes_as_one(source: Subscribed, sink: Echo) -> None:
    source.ready()
    source.put(b"k", b"\x00raw", [])
    [event] = until(lambda: sink.seen)
    assert event["headers"]["ce-type"] == "dev.knative.kafka.event"
    assert event["headers"]["ce-key"] == "k"


def test_a_failure_that_may_pass_is_tried_again(source: Subscribed, sink: Echo) -> None:
    source.ready()
    sink.answers = [(503, "busy"), (429, "slowly")]
    source.send("again")
    until(lambda: ids(sink) == ["again"] * 3)
    until(lambda: source.committed() == 1)
    source.send("next")
    until(lambda: ids(sink)[3:] == ["next"])


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (500, 3)])
def test_what_cannot_be_delivered_goes_to_the_dead_letter_sink(
    source: Subscribed, sink: Echo, letters: Echo, status: int, tries: int
) -> None:
    delivery = {"retry": 2, "backoffPolicy": "exponential", "backoffDelay": "PT0.02S", "deadLetterSink": ref("letters")}
    source.ready(delivery=delivery)
    sink.answers = [(status, "no")] * tries
    letters.answers = [(503, "not now")]  # this must not lose it either
    source.send("dead")
    until(lambda: ids(letters) == ["dead"] * 2)
    assert ids(sink) == ["dead"] * tries
    said = letters.seen[1]["headers"]
    assert said["ce-knativeerrordest"] == f"http://sink.{SPACE}.svc.cluster.local"
    assert said["ce-knativeerrorcode"] == str(status)
    assert base64.b64decode(said["ce-knativeerrordata"]) == b"no"
    assert letters.seen[1]["body"] == '{"of":"dead"}'
    until(lambda: source.committed() == 1)


def test_an_ordered_source_brings_a_key_in_order_and_an_unordered_one_does_not_wait(
    source: Subscribed, sink: Echo
) -> None:
    source.ready(ordering="ordered")
    sink.answers = [(503, "busy")]
    for identity in ("1", "2", "3"):
        source.send(identity, "same")
    until(lambda: len(ids(sink)) == 4)
    assert ids(sink) == ["1", "1", "2", "3"]
    sink.seen.clear()
    source.ready(ordering="unordered", delivery={"retry": 2, "backoffPolicy": "linear", "backoffDelay": "PT2S"})
    sink.answers = [(503, "busy")]
    source.send("4", "same")
    until(lambda: ids(sink) == ["4"])
    source.send("5", "same")
    until(lambda: len(ids(sink)) == 3)
    assert ids(sink) == ["4", "5", "4"]


@pytest.mark.parametrize(("offset", "expected"), [("earliest", ["before", "after"]), ("latest", ["after"])])
def test_a_new_group_begins_where_the_source_says(
    source: Subscribed, controlled: Plane, sink: Echo, offset: str, expected: list[str]
) -> None:
    create({source.topic: topic(source.topic)}, source.broker)
    source.send("before")
    source.ready(initialOffset=offset)
    source.send("after")
    until(lambda: "after" in ids(sink))
    assert ids(sink) == expected


def test_a_controller_that_comes_again_goes_on_where_it_was(source: Subscribed, controlled: Plane, sink: Echo) -> None:
    source.ready()
    source.send("first")
    until(lambda: source.committed() == 1)
    kafka_source.stop(controlled)
    source.send("meanwhile")
    standins.start(controlled)
    until(lambda: "meanwhile" in ids(sink))
    assert ids(sink) == ["first", "meanwhile"]


def test_a_source_that_changes_is_run_as_it_is_now(source: Subscribed, controlled: Plane, sink: Echo) -> None:
    source.ready()
    source.send("here")
    until(lambda: source.committed() == 1)
    with served(controlled, "other") as other:
        assert source.ready(sink=ref("other") | {"uri": "/deep"})["sinkUri"].endswith("/deep")
        source.send("there")
        until(lambda: ids(other) == ["there"])
        assert other.seen[0]["path"] == "/deep"
    assert ids(sink) == ["here"]


def test_a_knative_service_is_reached_by_the_address_in_its_status(
    source: Subscribed, controlled: Plane, sink: Echo
) -> None:
    container = {"image": "dev.local/wadi/test:1"}
    knative: Document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "waking", "namespace": SPACE},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    controlled.apply([knative])
    source.apply(sink={"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "waking"}})
    until(lambda: source.condition("SinkProvided").get("reason") == "SinkEmpty")
    url = f"http://sink.{SPACE}.svc.cluster.local"
    patch = f'{{"status": {{"address": {{"url": "{url}"}}}}}}'
    controlled.kubectl(
        "patch", "services.serving.knative.dev", "waking", "--subresource=status", "--type=merge", f"--patch={patch}",
        namespace=SPACE,
    )  # fmt: skip
    until(lambda: source.condition("Ready").get("status") == "True")
    source.send("woken")
    until(lambda: ids(sink) == ["woken"])


def test_the_status_says_why_a_source_does_not_run(source: Subscribed, controlled: Plane, sink: Echo) -> None:
    source.apply(sink=ref("missing"))
    until(lambda: source.condition("SinkProvided").get("status") == "False")
    assert (source.condition("Ready")["reason"], source.condition("Deployed")["status"]) == ("NotFound", "True")
    source.apply(bootstrapServers=["127.0.0.1:9"])
    found = until(lambda: (one := source.condition("ConnectionEstablished")).get("status") == "False" and one)
    assert "no answer from Kafka at 127.0.0.1:9" in found["message"]
    source.apply(net={"tls": {"enable": True}})
    until(lambda: source.condition("Ready").get("reason") == "NotSupported")
    assert source.ready()["consumers"] == 1


def test_a_source_that_is_gone_consumes_no_more(source: Subscribed, controlled: Plane, sink: Echo) -> None:
    source.ready()
    source.send("seen")
    until(lambda: source.committed() == 1)
    controlled.kubectl("delete", "kafkasource", source.name, namespace=SPACE)
    other = Subscribed(controlled, source.broker)
    try:
        source.send("unseen")
        other.ready()  # by now the deletion has been heard of
        other.send("later")
        until(lambda: "later" in ids(sink))
        assert ids(sink) == ["seen", "later"]
        assert source.committed() == 1
    finally:
        other.producer.close()
        controlled.kubectl("delete", "kafkasource", other.name, namespace=SPACE)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no topic": ({"topics": []}, "missing field(s): spec.topics"),
    "no server": ({"bootstrapServers": []}, "missing field(s): spec.bootstrapServers"),
    "a beginning that there is not": ({"initialOffset": "middle"}, "invalid value: middle: spec.initialOffset"),
    "an order that there is not": ({"ordering": "sorted"}, "invalid value: sorted: spec.ordering"),
    "an empty sink": ({"sink": {}}, "expected at least one, got none"),
    "a sink without a version": ({"sink": {"ref": {"kind": "Service", "name": "sink"}}}, "missing field(s): ref.api"),
    "half a URL": ({"sink": {"uri": "/path"}}, "must be absolute"),
    "a negative retry": ({"delivery": {"retry": -1}}, "invalid value: spec.delivery.retry"),
    "a policy that there is not": ({"delivery": {"backoffPolicy": "random"}}, "invalid value: random"),
    "a delay that is no duration": ({"delivery": {"backoffDelay": "1s"}}, "invalid value: 1s"),
    "a delay of nothing": ({"delivery": {"backoffDelay": "PT"}}, "invalid value: PT"),
    "a timeout of zero": ({"delivery": {"timeout": "PT0S"}}, "invalid value: PT0S"),
    "dead letters to nowhere": ({"delivery": {"deadLetterSink": {}}}, "expected at least one, got none"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_the_real_webhook_would_refuse_is_refused(source: Subscribed, controlled: Plane, wrong: str) -> None:
    change, reason = REFUSED[wrong]
    controlled.apply([source.document()], DRY)
    with pytest.raises(Refused) as refused:
        controlled.apply([source.document(**change)], DRY)
    assert reason in str(refused.value)


def test_a_group_is_for_ever(source: Subscribed, controlled: Plane, sink: Echo) -> None:
    source.apply()
    with pytest.raises(Refused, match=r"Immutable fields changed: spec.consumerGroup"):
        source.apply(consumerGroup="another")
    source.apply(topics=[source.topic, f"{source.topic}.more"])


def test_every_source_of_the_platform_is_admitted(controlled: Plane) -> None:
    files = [ROOT / place.partition(":")[0] for place, one in manifests.read(ROOT).located if one.kind == "KafkaSource"]
    assert files
    for file in set(files):
        controlled.kubectl("apply", "--server-side", "--validate=strict", DRY, f"--filename={file}", namespace=SPACE)
