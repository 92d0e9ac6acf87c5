"""What Wadi counts on in Knative's Broker, asked of the real one: what is sent again, what becomes a dead letter.

The outbox is relayed from here to the ingress in its pod; the Trigger's subscriber is a server of this test, outside of
the cluster.
"""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from shared.config import ConfigError, setting
from shared.ids import new_id
from shared.outbox.broker import sink
from tests.cluster.echo import service
from tests.cluster.running import Cluster
from tests.conftest import Database
from tests.patience import until
from tests.runtime.outboxing import Happened, leave, relayed
from tests.runtime.sink_server import Answer, Got, Sink, running

SPACE = f"broker-test-{new_id()[-12:]}"  # an earlier one may still be on its way out
RETRY = 2
NEVER = 8  # seconds that a subscriber keeps silent: longer than the Trigger's timeout
ANSWERS: dict[str, Answer] = {str(status): (status, {}) for status in (204, 400, 409, 503)}


class Unheard(Happened, frozen=True):
    type: ClassVar[str] = "test.other.happened"


class Wire:
    """A Broker with one subscriber, which answers an event as the event's text says."""

    def __init__(self, subscriber: Sink, ingress: str) -> None:
        self.subscriber = subscriber
        self.ingress = ingress
        self.requests: list[Got] = []
        self._lock = threading.Lock()
        subscriber.behave = self._behave

    def _behave(self, got: Got) -> Answer | bytes:
        with self._lock:
            self.requests.append(got)
            tried = sum(one.key == got.key for one in self.requests)
        if got.path != "/":
            return 204, {}
        answer = str(got.data["text"])
        if answer == "body":
            return b'{"not": "an event"}'
        if answer == "never":
            threading.Event().wait(NEVER)
        if answer == "once":
            answer = "503" if tried == 1 else "204"
        return ANSWERS.get(answer, (204, {}))

    def send(self, answer: str, kind: type[Happened] = Happened) -> str:
        """As functions send; the key."""
        key = new_id()
        leave(kind(key, answer))
        assert relayed() == 1
        return key

    def tries(self, key: str) -> list[Got]:
        return [one for one in self.requests if one.key == key and one.path == "/"]

    def dead_letter(self, key: str) -> Got:
        def letters() -> list[Got]:
            return [one for one in self.requests if one.key == key and one.path != "/"]

        until(letters, "the dead letter")
        (letter,) = letters()
        return letter


@pytest.fixture(scope="module")
def wire(cluster: Cluster, database: Database) -> Iterator[Wire]:
    plane = cluster.plane
    with running(host=plane.network.host) as subscriber, pytest.MonkeyPatch.context() as patch:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        plane.apply([space])
        try:
            plane.apply([*service(SPACE, "subscriber", plane.network.host, subscriber.port), *_eventing()])
            for what in ("broker/default", "trigger/subscriber"):
                plane.kubectl("wait", "--for=condition=Ready", what, "--timeout=60s", namespace=SPACE)
            pods = plane.get("pods", "--selector=eventing.knative.dev/brokerRole=ingress", namespace="knative-eventing")
            ingress = f"http://{pods['items'][0]['status']['podIP']}:8080"
            patch.setenv("K_SINK", f"{ingress}/{SPACE}/default")
            yield Wire(subscriber, ingress)
        finally:
            sink.forget_connections()
            plane.kubectl("delete", "namespace", SPACE, "--wait=false")


def _eventing() -> list[dict[str, Any]]:
    reference = {"apiVersion": "v1", "kind": "Service", "name": "subscriber"}
    delivery = {"retry": RETRY, "backoffPolicy": "linear", "backoffDelay": "PT0.1S", "timeout": "PT2S"}
    trigger = {
        "broker": "default",
        "filters": [{"exact": {"type": Happened.type}}],
        "subscriber": {"ref": reference},
        "delivery": {**delivery, "deadLetterSink": {"ref": reference, "uri": "/?consumer=subscriber"}},
    }
    about = {"apiVersion": "eventing.knative.dev/v1"}
    return [
        {**about, "kind": "Broker", "metadata": {"name": "default", "namespace": SPACE}},
        {**about, "kind": "Trigger", "metadata": {"name": "subscriber", "namespace": SPACE}, "spec": trigger},
    ]


def test_an_event_arrives_as_it_was_sent_and_once(wire: Wire) -> None:
    keys = [wire.send("204") for _ in range(20)]
    until(lambda: all(wire.tries(key) for key in keys), "all of them")
    for key in keys:
        (got,) = wire.tries(key)
        assert got.data == {"key": key, "text": "204"}
        sent = {"ce-source": "/wadi/some-function", "ce-type": Happened.type, "ce-subject": key}
        assert got.headers.items() >= sent.items()
        assert {"ce-dataschema", "ce-traceparent", "ce-time"} <= got.headers.keys()


def test_what_was_answered_503_comes_again(wire: Wire) -> None:
    key = wire.send("once")
    until(lambda: len(wire.tries(key)) == 2, "the second try")


@pytest.mark.parametrize(("answer", "tries"), [("400", 1), ("409", 1 + RETRY), ("503", 1 + RETRY)])
def test_a_dead_letter_says_what_was_answered_and_by_whom(wire: Wire, answer: str, tries: int) -> None:
    key = wire.send(answer)
    letter = wire.dead_letter(key)
    assert (len(wire.tries(key)), letter.headers["ce-knativeerrorcode"]) == (tries, answer)
    assert letter.headers["ce-knativeerrordest"].startswith(f"http://subscriber.{SPACE}.svc.cluster.local")
    assert letter.path == "/?consumer=subscriber"


@pytest.mark.parametrize("answer", ["body", "never"])
def test_a_dead_letter_without_a_good_answer_is_known_by_its_address_alone(wire: Wire, answer: str) -> None:
    """Why Triggers have ?consumer=, and why functions answer events with nothing."""
    key = wire.send(answer)
    letter = wire.dead_letter(key)
    assert len(wire.tries(key)) == 1 + RETRY
    assert "ce-knativeerrordest" not in letter.headers
    assert letter.path == "/?consumer=subscriber"


def test_an_event_that_nobody_asked_for_is_taken_and_goes_nowhere(wire: Wire) -> None:
    unheard, heard = wire.send("204", Unheard), wire.send("204")
    until(lambda: wire.tries(heard), "the other one")
    assert wire.tries(unheard) == []


def test_a_sink_binding_tells_functions_where_to_send_and_what_to_add(
    wire: Wire, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bound is a Service without pods: what Knative writes into it is what our process then has in its environment."""
    about = {"name": "bound", "namespace": SPACE}
    subject = {"apiVersion": "serving.knative.dev/v1", "kind": "Service"}
    binding = {
        "subject": subject | {"name": "bound"},
        "sink": {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}},
        "ceOverrides": {"extensions": {"tenant": "ada"}},
    }
    containers = [{"image": "dev.local/wadi/none:1"}]
    cluster.plane.apply(
        [
            subject | {"metadata": about, "spec": {"template": {"spec": {"containers": containers}}}},
            {"apiVersion": "sources.knative.dev/v1", "kind": "SinkBinding", "metadata": about, "spec": binding},
        ]
    )

    def written() -> dict[str, str]:
        service = cluster.plane.get("ksvc", "bound", namespace=SPACE)
        return {
            one["name"]: one["value"] for one in service["spec"]["template"]["spec"]["containers"][0].get("env", [])
        }

    until(lambda: written().keys() >= {"K_SINK", "K_CE_OVERRIDES"}, "the binding")
    at = urlsplit(written()["K_SINK"])
    assert (at.hostname, at.path) == ("broker-ingress.knative-eventing.svc.cluster.local", f"/{SPACE}/default")
    monkeypatch.setenv("K_CE_OVERRIDES", written()["K_CE_OVERRIDES"])
    key = wire.send("204")
    until(lambda: wire.tries(key), "the event")
    assert wire.tries(key)[0].headers["ce-tenant"] == "ada"


def test_a_broker_that_there_is_not_yet_costs_no_event(
    wire: Wire, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers 400: why an event that is refused is kept, whatever the answer."""
    here = setting("K_SINK")
    monkeypatch.setenv("K_SINK", f"{wire.ingress}/{SPACE}/nobody")
    with pytest.raises(ConfigError, match=r"did not take .* 400"):
        wire.send("204")
    assert sink.unhealthy_reason() is None, "the ingress answers"
    monkeypatch.setenv("K_SINK", here)
    assert relayed() == 1
    assert database.all("select 1 from outbox") == []
