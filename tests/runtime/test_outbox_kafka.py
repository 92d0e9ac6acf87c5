"""From the outbox to a real Kafka: in order, nothing lost, and nobody waits for it."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli import kafka_events
from events.topics import TOPICS, Topic
from shared import db, outbox
from shared.cloudevents.kafka import from_record
from shared.config import ConfigError
from shared.ids import new_id
from shared.outbox import pending
from shared.outbox.kafka import client, relay
from shared.outbox.kafka.topics import create
from shared.runtime.serve import create_app
from tests.conftest import Database, Wadi
from tests.patience import until
from tests.real import need
from tests.runtime.outboxing import Happened, leave, relayed
from tests.runtime.processes import ROOT, environment
from tools.backends import kafka as broker

# The client forgets to close the sockets of connections that were refused: they end with its memory, here.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

TOPIC = f"test.{new_id()}"
AWAY = "127.0.0.1:9"


class Recorded(Happened, frozen=True):
    type: ClassVar[str] = TOPIC


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    found = need("kafka")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAFKA_BROKERS", found)
        create({TOPIC: Topic(partitions=3)})
        yield found
        with client.admin() as admin:
            admin.delete_topics([TOPIC])


@pytest.fixture(autouse=True)
def _own_outbox(database: Database, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KAFKA_BROKERS", address)
    monkeypatch.setenv("JWT_SECRET", "a secret for tests only, long enough to derive keys from")
    database.all("truncate outbox")
    yield
    relay._give_up_producer()
    gc.collect()


def publish(key: str, *texts: str) -> None:
    leave(*(Recorded(key, text) for text in texts))


def waiting(database: Database) -> int:
    return len(database.all("select 1 from outbox"))


def sent(address: str, key: str = "", topic: str = TOPIC) -> list[dict[str, Any]]:
    """The events of a key that are in the topic, in order."""
    from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # it has no types

    with closing(KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")) as consumer:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        found = []
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(500).values():
                for record in records:
                    event = from_record(record.value, record.headers)
                    assert event is not None
                    if record.key.decode() == key or not key:
                        found.append(event)
    return found


def texts(address: str, key: str) -> list[str]:
    import base64
    import json

    return [json.loads(base64.b64decode(event["data_base64"]))["text"] for event in sent(address, key)]


def test_an_event_is_a_record_that_a_knative_source_passes_on(database: Database, address: str) -> None:
    from kafka import KafkaConsumer

    key = new_id()
    publish(key, "ü")
    row = database.all("select event from outbox")[0]["event"]
    assert relayed() == 1
    with closing(KafkaConsumer(TOPIC, bootstrap_servers=address, auto_offset_reset="earliest")) as consumer:
        record = next(
            one for _ in iter(int, 1) for all_ in consumer.poll(500).values() for one in all_ if one.key == key.encode()
        )
    assert {name: value.decode() for name, value in record.headers} == {
        "content-type": "application/json",
        **{f"ce_{name}": row[name] for name in row.keys() - {"data", "datacontenttype"} if row[name] is not None},
    }
    assert record.value.decode() == f'{{"key":"{key}","text":"ü"}}'
    assert waiting(database) == 0


def test_more_than_a_batch_comes_in_order_of_each_key(address: str) -> None:
    keys = [new_id() for _ in range(3)]
    for number in range(430):
        for key in keys:
            if number % 40 == 0:
                publish(key, *(str(each) for each in range(number, min(number + 40, 430))))
    assert relayed() == 1290
    for key in keys:
        assert texts(address, key) == [str(number) for number in range(430)]


def test_a_commit_is_told_at_once_and_no_request_waits_for_it(database: Database, address: str) -> None:
    key = new_id()
    with db.transaction("/wadi/some-function") as tx:
        outbox.publish(tx, Recorded(key, "1"))
    until(lambda: waiting(database) == 0)
    assert texts(address, key) == ["1"]


def test_while_kafka_is_away_events_wait_and_come_in_order_when_it_is_back(
    database: Database, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_id()
    monkeypatch.setenv("KAFKA_BROKERS", AWAY)
    for number in range(5):
        publish(key, str(number))
    with pytest.raises(ConfigError, match=f"^KAFKA_BROKERS: no answer from Kafka at {AWAY}: [^\n]+$"):
        relayed()
    app = create_app("relay_outbox").test_client()
    assert app.post("/").status_code == 503
    assert (
        app.get("/ready").get_json()["degraded"]["kafka"].startswith(f"KAFKA_BROKERS: no answer from Kafka at {AWAY}")
    )
    assert waiting(database) == 5
    monkeypatch.setenv("KAFKA_BROKERS", address)
    monkeypatch.setattr(client, "_last_answer", (0.0, ""))
    assert app.post("/").status_code == 204
    assert app.get("/ready").get_json()["backends"]["kafka"] == "ok"
    assert 'wadi_outbox_relayed_total{transport="kafka"}' in app.get("/metrics").text
    assert (waiting(database), texts(address, key)) == (0, [str(number) for number in range(5)])


def test_a_broker_that_is_killed_in_between_costs_no_event(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = broker.start(tmp_path)
    try:
        monkeypatch.setenv("KAFKA_BROKERS", server.address)
        create({TOPIC: Topic(partitions=3)})
        key = new_id()
        publish(key, "1", "2")
        assert relayed() == 2
        server.kill()
        publish(key, "3", "4")
        with pytest.raises(ConfigError):
            relayed()
        assert waiting(database) == 2
        server.restart()
        publish(key, "5")
        assert relayed() == 3
        assert list(dict.fromkeys(texts(server.address, key))) == ["1", "2", "3", "4", "5"]
    finally:
        relay._give_up_producer()
        server.kill()


KILLED = """
import os, sys
from contextlib import closing
from shared import db
from shared.outbox.kafka import relay
acked = relay._send
def send(rows, refused):
    acked(rows, refused)
    os.kill(os.getpid(), 9)
relay._send = send
with closing(db.connect()) as connection:
    relay.relay_to_kafka(connection)
"""


def test_killed_between_the_answer_and_the_deletion_sends_again(database: Database, wadi: Wadi, address: str) -> None:
    key = new_id()
    publish(key, "1", "2")
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment(KAFKA_BROKERS=address), check=False)
    assert done.returncode == -9
    assert waiting(database) == 2
    until(lambda: relayed() == 2)
    assert texts(address, key) == ["1", "2", "1", "2"]
    assert len({event["id"] for event in sent(address, key)}) == 2


def test_relays_at_the_same_time_neither_double_nor_reorder(database: Database, address: str) -> None:
    keys = [new_id() for _ in range(4)]
    stop = threading.Event()
    trouble: list[BaseException] = []

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
    until(lambda: waiting(database) == 0)
    stop.set()
    for thread in threads:
        thread.join()
    assert not trouble
    for key in keys:
        assert texts(address, key) == [str(number) for number in range(60)]


def test_a_topic_that_is_missing_holds_up_nobody_else(database: Database, address: str) -> None:
    lost = type("Lost", (Recorded,), {"type": f"missing.{TOPIC}"}, frozen=True)
    key = new_id()
    leave(*(lost(key, str(number)) for number in range(600)), Recorded(key, "after them"))
    with pytest.raises(ConfigError, match=f"missing.{TOPIC}"):
        relayed()
    assert texts(address, key) == ["after them"]
    assert waiting(database) == 600


def test_an_event_that_no_topic_would_take_is_refused_where_it_is_published(database: Database) -> None:
    with pytest.raises(ValueError, match="more than"), db.transaction("/wadi/some-function") as tx:
        outbox.publish(tx, Recorded("k", "x" * 600_000))
    assert waiting(database) == 0


def test_topics_are_made_once_and_left_as_they_are(address: str) -> None:
    name = f"test.{new_id()}"
    try:
        (made,) = create({name: Topic(partitions=2)})
        assert (made.partitions, made.made, made.note) == (2, True, "")
        (there,) = create({name: Topic(partitions=4)})
        assert (there.partitions, there.made) == (2, False)
        assert there.note == "it has 2 partitions, the table says 4"
    finally:
        with client.admin() as admin:
            admin.delete_topics([name])


def test_the_command_line_shows_the_events(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_events, "TOPICS", {TOPIC: Topic(partitions=3)})
    key = new_id()
    publish(key, "1", "2")
    relayed()
    shown = [event for event in kafka_events.records(follow=False, from_start=True) if event["subject"] == key]
    assert [event["data"]["text"] for event in shown] == ["1", "2"]
    assert {event["type"] for event in shown} == {TOPIC}


def test_deliveries_to_a_group_that_is_behind_are_pending(
    database: Database, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

    monkeypatch.setitem(TOPICS, TOPIC, Topic(partitions=3))
    group = f"test-{new_id()}"
    monkeypatch.setattr(pending, "CONSUMER_GROUPS", frozenset({group}))
    began = time.time()
    publish(new_id(), "1", "2")
    relayed()
    assert pending.everything_handled(began + 3600), "the group has never been there"
    at = [TopicPartition(TOPIC, number) for number in range(3)]
    with closing(KafkaConsumer(bootstrap_servers=address, group_id=group)) as consumer:
        consumer.assign(at)
        consumer.commit({one: OffsetAndMetadata(0, "", -1) for one in at})
        assert not pending.everything_handled(began + 3600)
        assert pending.everything_handled(began - 3600), "so long ago, nothing was published"
        consumer.commit({one: OffsetAndMetadata(end, "", -1) for one, end in consumer.end_offsets(at).items()})
    assert pending.everything_handled(began + 3600)
    monkeypatch.setenv("KAFKA_BROKERS", AWAY)
    assert not pending.everything_handled(began - 3600), "nobody knows"
