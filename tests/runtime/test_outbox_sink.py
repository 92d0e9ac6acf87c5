"""From the outbox to a Broker: in order for each key, nothing lost whatever the Broker does, and no request waits."""

import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.commands import events as events_command
from cli.errors import CliError
from shared import db, outbox
from shared.config import ConfigError
from shared.ids import new_id
from shared.outbox import pending
from shared.outbox.broker import relay, sink
from shared.runtime.serve import _check_settings, create_app
from tests.conftest import Database, Wadi
from tests.patience import until
from tests.runtime.outboxing import Happened, leave, relayed
from tests.runtime.processes import ROOT, environment, free_port
from tests.runtime.sink_server import FINE, Answer, Got, Sink, running


@pytest.fixture
def broker(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """K_SINK is a Broker; the outbox is empty."""
    monkeypatch.setenv("JWT_SECRET", "a secret for tests only, long enough to derive keys from")
    monkeypatch.setattr(sink, "_last_answer", (0.0, ""))
    monkeypatch.setattr(relay, "_not_before", 0.0)
    database.all("truncate outbox")
    with running() as receiver:
        monkeypatch.setenv("K_SINK", receiver.url)
        yield receiver
        sink.forget_connections()


def publish(key: str, *texts: str) -> None:
    leave(*(Happened(key, text) for text in texts))


def waiting(database: Database) -> list[str]:
    return [row["text"] for row in database.all("select event -> 'data' ->> 'text' as text from outbox order by seq")]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


# --- what is sent


def test_an_event_is_a_cloudevent_in_binary_mode(database: Database, broker: Sink) -> None:
    key = new_id()
    publish(key, "ü")
    (row,) = database.all("select event from outbox")
    assert relayed() == 1
    (got,) = broker.taken
    attributes = {name[3:]: value for name, value in got.headers.items() if name.startswith("ce-")}
    assert attributes == {
        name: value for name, value in row["event"].items() if name not in ("data", "datacontenttype") and value
    }
    assert got.headers["content-type"] == "application/json"
    assert got.body.decode() == f'{{"key":"{key}","text":"ü"}}'
    assert waiting(database) == []


def test_more_than_a_batch_comes_in_order_of_each_key_over_few_connections(broker: Sink) -> None:
    keys = [new_id() for _ in range(3)]
    for start in range(0, 400, 40):
        for key in keys:
            publish(key, *(str(number) for number in range(start, start + 40)))
    assert relayed() == 1200
    assert {key: broker.texts(key) for key in keys} == {key: numbers(400) for key in keys}
    assert broker.connections <= sink.CONCURRENCY


def test_keys_go_side_by_side_and_a_key_one_at_a_time(broker: Sink) -> None:
    together, arrived = threading.Barrier(4), list[str]()

    def behave(got: Got) -> Answer:
        arrived.append(got.key)
        together.wait(30)  # only where four events are on their way at once
        return FINE

    broker.behave = behave
    keys = [new_id() for _ in range(4)]
    for key in keys:
        publish(key, "1", "2")
    assert relayed() == 8
    assert set(arrived[:4]) == set(keys)
    assert all(broker.texts(key) == ["1", "2"] for key in keys)


def test_extensions_of_the_binding_are_on_every_event(broker: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_CE_OVERRIDES", '{"extensions": {"cluster": "north"}}')
    publish(new_id(), "1")
    relayed()
    assert broker.taken[0].headers["ce-cluster"] == "north"


def test_a_commit_is_told_at_once_and_no_request_waits_for_it(database: Database, broker: Sink) -> None:
    key, go = new_id(), threading.Event()

    def behave(got: Got) -> Answer:
        assert go.wait(60)
        return FINE

    broker.behave = behave
    with db.transaction("/wadi/some-function") as tx:
        outbox.publish(tx, Happened(key, "1"))
    until(lambda: broker.asked)
    assert waiting(database) == ["1"], "it is deleted only when the Broker has it"
    go.set()
    until(lambda: not waiting(database))
    assert broker.texts(key) == ["1"]


# --- a Broker that misbehaves


@pytest.mark.parametrize("status", [301, 400, 404, 409, 413, 429, 500, 503])
def test_whatever_is_no_2xx_is_sent_again(database: Database, broker: Sink, status: int) -> None:
    key = new_id()
    publish(key, "1", "2")
    broker.behave = lambda got: (status, {"Location": "http://127.0.0.1:9/"})
    with pytest.raises(ConfigError, match=f"^K_SINK: {broker.url} did not take {Happened.type} [^ ]+: {status} "):
        relayed()
    assert (broker.asked, waiting(database)) == (1, ["1", "2"])
    broker.behave = lambda got: FINE
    assert relayed() == 2
    assert broker.texts(key) == ["1", "2"]


def test_an_event_that_is_refused_holds_up_its_key_and_nobody_else(database: Database, broker: Sink) -> None:
    poisoned, keys = new_id(), [new_id() for _ in range(30)]
    publish(poisoned, "poison", *numbers(600))  # more than a batch
    for key in keys:
        publish(key, "1", "2")
    broker.behave = lambda got: (400, {}) if got.data["text"] == "poison" else FINE
    with pytest.raises(ConfigError, match=r"did not take .* 400"):
        relayed()
    assert waiting(database) == ["poison", *numbers(600)]
    assert all(broker.texts(key) == ["1", "2"] for key in keys)


def test_a_broker_that_refuses_everything_is_not_asked_for_everything(database: Database, broker: Sink) -> None:
    for _ in range(100):
        publish(new_id(), "1")
    broker.behave = lambda got: (500, {})
    with pytest.raises(ConfigError, match=r"and the events of \d+ other keys wait"):
        relayed()
    assert broker.asked <= relay.REFUSALS_WITHOUT_SUCCESS + sink.CONCURRENCY
    assert len(waiting(database)) == 100


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_the_broker_asks_for_is_kept(database: Database, broker: Sink, status: int, form: str) -> None:
    after = "30" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    for _ in range(100):
        publish(new_id(), "1")
    broker.behave = lambda got: (status, {"Retry-After": after})
    with pytest.raises(ConfigError, match="did not take"):
        relayed()
    broker.behave = lambda got: FINE
    asked = broker.asked
    assert asked <= sink.CONCURRENCY
    with pytest.raises(ConfigError, match=r"asked for a pause, \d+ s of it are left"):
        relayed()
    assert broker.asked == asked
    assert relayed_later(database) == 100


def relayed_later(database: Database) -> int:
    """As if the pause were over."""
    relay._not_before = 0.0
    return relayed()


def test_a_pause_is_no_longer_than_a_minute(broker: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(new_id(), "1")
    broker.behave = lambda got: (503, {"Retry-After": "86400"})
    with pytest.raises(ConfigError):
        relayed()
    with pytest.raises(ConfigError, match=r"asked for a pause, (60|5\d) s"):
        relayed()


def test_a_connection_that_was_closed_while_idle_costs_nothing(database: Database, broker: Sink) -> None:
    key = new_id()
    publish(key, "1")
    relayed()
    broker.hang_up()
    publish(key, "2")
    assert relayed() == 1
    assert broker.texts(key) == ["1", "2"]


def test_a_connection_that_is_killed_after_the_event_sends_it_twice_and_not_never(
    database: Database, broker: Sink
) -> None:
    key = new_id()
    publish(key, "1", "2")
    killed = iter(["after", "before", "after"])
    broker.behave = lambda got: next(killed, FINE)
    for _ in range(3):
        with pytest.raises(ConfigError, match=f"^K_SINK: no answer from {broker.url}: "):
            relayed()
    assert relayed() == 2
    assert broker.texts(key) == ["1", "1", "1", "2"]
    assert len({got.headers["ce-id"] for got in broker.taken}) == 2


def test_a_broker_that_does_not_answer_is_given_up(
    database: Database, broker: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ANSWER_SECONDS", 0.3)
    go = threading.Event()

    def behave(got: Got) -> Answer:
        go.wait(60)
        return FINE

    broker.behave = behave
    for _ in range(20):
        publish(new_id(), "1")
    try:
        with pytest.raises(ConfigError, match=f"^K_SINK: no answer from {broker.url}: timed out"):
            relayed()
    finally:
        go.set()
    assert len(waiting(database)) == 20
    assert broker.asked <= sink.CONCURRENCY
    assert relayed() == 20


def test_a_slow_broker_gets_few_at_a_time_and_what_it_took_is_deleted(
    database: Database, broker: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches end after a while, so that others who relay do not wait behind the lock for all of it."""
    key = new_id()
    publish(key, *numbers(20))
    seen: list[int] = []

    def behave(got: Got) -> Answer:
        seen.append(len(waiting(database)))
        time.sleep(0.01)  # the broker is slow: all 20 take four batches
        return FINE

    broker.behave = behave
    monkeypatch.setattr(relay, "BATCH_SECONDS", 0.05)
    assert relayed() == 20
    assert broker.texts(key) == numbers(20)
    assert seen[0] == 20
    assert seen[-1] < 20


def test_a_broker_that_dies_and_comes_back_costs_no_event(database: Database, broker: Sink) -> None:
    key = new_id()
    publish(key, "1", "2")
    assert relayed() == 2
    broker.die()
    publish(key, "3", "4")
    with pytest.raises(ConfigError, match=f"^K_SINK: no answer from {broker.url}: .*Connection refused$"):
        relayed()
    app = create_app("relay_outbox").test_client()
    assert app.post("/").status_code == 503
    assert app.get("/ready").get_json()["degraded"]["broker"].startswith(f"K_SINK: no answer from {broker.url}: ")
    broker.start()
    sink._last_answer = (0.0, "")
    publish(key, "5")
    assert app.post("/").status_code == 204
    assert app.get("/ready").get_json()["backends"]["broker"] == "ok"
    assert 'wadi_outbox_relayed_total{transport="broker"}' in app.get("/metrics").text
    assert broker.texts(key) == ["1", "2", "3", "4", "5"]


def test_the_thread_beside_the_requests_goes_on_when_the_broker_is_back(database: Database, broker: Sink) -> None:
    key = new_id()
    broker.die()
    for number in range(5):
        with db.transaction("/wadi/some-function") as tx:
            outbox.publish(tx, Happened(key, str(number)))
    broker.start()
    until(lambda: not waiting(database))
    assert broker.texts(key) == numbers(5)


KILLED = """
import os
from contextlib import closing
from shared import db
from shared.outbox.broker import relay
send = relay._Relay.send
def killed(self, rows):
    send(self, rows)
    os.kill(os.getpid(), 9)
relay._Relay.send = killed
with closing(db.connect()) as connection:
    relay.relay_to_broker(connection)
"""


def test_killed_between_the_answer_and_the_deletion_sends_again(database: Database, wadi: Wadi, broker: Sink) -> None:
    key = new_id()
    publish(key, "1", "2")
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment(K_SINK=broker.url), check=False)
    assert done.returncode == -9
    assert waiting(database) == ["1", "2"]
    until(lambda: relayed() == 2)
    assert broker.texts(key) == ["1", "2", "1", "2"]


def test_relays_at_the_same_time_neither_double_nor_reorder(database: Database, broker: Sink) -> None:
    keys = [new_id() for _ in range(4)]
    stop, trouble = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not stop.is_set():
                relayed()
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(60):
        for key in keys:
            publish(key, str(number))
    until(lambda: not waiting(database))
    stop.set()
    for thread in threads:
        thread.join()
    assert not trouble
    assert all(broker.texts(key) == numbers(60) for key in keys)


misdeeds = st.sampled_from(["fine"] * 8 + ["before", "after", "400", "500", "503", "429", "hang up", "die"])


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.one_of(st.tuples(st.just("publish"), st.integers(0, 2), st.integers(1, 4)), st.just("relay")), max_size=14
    ),
    deeds=st.lists(misdeeds, max_size=40),
)
def test_whatever_the_broker_does_each_event_comes_and_each_key_in_order(
    database: Database, broker: Sink, steps: list[tuple[str, int, int] | str], deeds: list[str]
) -> None:
    keys = [new_id() for _ in range(3)]
    published: dict[str, list[str]] = {}
    to_come, lock = iter(deeds), threading.Lock()

    def behave(got: Got) -> Answer | str:
        with lock:
            deed = next(to_come, "fine")
        if deed in ("hang up", "die"):
            broker.hang_up()
            return "after" if deed == "die" else "before"
        return deed if deed in ("before", "after") else (int(deed), {}) if deed.isdigit() else FINE

    broker.behave = behave
    for step in [*steps, *["relay"] * (len(deeds) + 1)]:
        if isinstance(step, str):  # "relay"
            try:
                relayed()
            except ConfigError:
                continue
        else:
            _, which, count = step
            mine = published.setdefault(keys[which], [])
            new = [str(len(mine) + number) for number in range(count)]
            publish(keys[which], *new)
            mine += new
    assert waiting(database) == []
    for key, texts in published.items():
        came = broker.texts(key)
        assert list(dict.fromkeys(came)) == texts, "each, and in order"
        again = [before >= after for before, after in zip(map(int, came), map(int, came[1:]), strict=False)]
        assert sum(again) <= sum(deed in ("after", "die", "hang up", "before") for deed in deeds)


# --- settings


@pytest.mark.parametrize(
    "url", ["broker", "ftp://broker/x", "http://", "http:///x", "http://broker:x/", "http://a b/", "http://u:p@broker/"]
)
def test_a_sink_that_is_none_is_told_at_the_start(database: Database, wadi: Wadi, url: str) -> None:
    done = started(K_SINK=url)
    assert done.returncode == 1
    assert done.stderr == f"K_SINK={url!r} is not of the form http://host[:port]/path.\n"


def test_both_ways_at_once_are_refused_at_the_start(database: Database, wadi: Wadi) -> None:
    done = started(K_SINK="http://broker/wadi/default", KAFKA_BROKERS="kafka:9092")
    assert done.returncode == 1
    assert done.stderr == (
        "K_SINK and KAFKA_BROKERS are both set: events go one way or the other, so unset one of them.\n"
    )


def started(**settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "shared.runtime.serve"]
    env = environment(FUNCTION_TARGET="login", PORT=str(free_port()), **settings)
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "text", ["x", "[]", '{"extensions": {"Cluster": "x"}}', '{"extensions": {"id": "1"}}', '{"extensions": {"a": 1}}']
)
def test_overrides_that_are_none_are_told(broker: Sink, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("K_CE_OVERRIDES", text)
    with pytest.raises(ConfigError, match=r"^K_CE_OVERRIDES="):
        _check_settings()


def test_certificates_that_are_none_are_told(broker: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SINK", broker.url.replace("http:", "https:"))
    monkeypatch.setenv("K_CA_CERTS", "no certificate")
    publish(new_id(), "1")
    with pytest.raises(ConfigError, match=r"^K_CA_CERTS does not hold certificates"):
        _check_settings()
    with pytest.raises(ConfigError, match=r"^K_CA_CERTS does not hold certificates"):
        relayed()


def test_a_broker_behind_tls_is_trusted_by_the_certificates_of_the_binding(
    broker: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, context = certified(tmp_path)
    with running(context) as secure:
        monkeypatch.setenv("K_SINK", secure.url.replace("http:", "https:"))
        publish(new_id(), "1")
        with pytest.raises(ConfigError, match=r"^K_SINK: no answer from https://[^ ]+ .*CERTIFICATE_VERIFY_FAILED"):
            relayed()
        monkeypatch.setenv("K_CA_CERTS", certificate)
        assert relayed() == 1
        assert len(secure.taken) == 1


def certified(folder: Path) -> tuple[str, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that vouches for itself, and a server's end with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text, pem = certificate.public_bytes(Encoding.PEM), folder / "both.pem"
    pem.write_bytes(text + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return text.decode(), context


# --- a Broker cannot be asked


def test_a_delivery_by_a_broker_is_pending_until_a_video_makes_no_progress_for_long(
    database: Database, broker: Sink
) -> None:
    video, user = new_id(), new_id()
    database.all("insert into account values (%s, %s, 'x', 'x', 'CREATOR')", (user, user))
    database.all("insert into video (id, owner_id, title) values (%s, %s, 't')", (video, user))

    def nothing_pending() -> bool:
        with db.transaction() as tx:
            condition = pending.no_pending_deliveries(tx, 1)("v.id")
            return tx.exists(f"select 1 from video v where v.id = %s and {condition}", (video,))

    assert not nothing_pending()
    database.all("update video set updated_at = now() - make_interval(secs => %s)", (pending.BROKER_SECONDS + 1,))
    assert nothing_pending()
    publish(video, "1")
    assert not nothing_pending()


def test_the_command_line_says_that_events_cannot_be_read(broker: Sink) -> None:
    with pytest.raises(CliError, match=r"^K_SINK is set: "):
        events_command.run(None, None)  # type: ignore[arg-type]  # it does not come to them
