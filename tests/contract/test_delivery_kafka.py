"""What only Kafka can do to a runner: brokers that die, groups that are shared out anew, records that are no events."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.contract.delivering import KafkaBox, MakeKafkaBox, kafka_boxes
from tests.local.yaml_files import kafka_source, service
from tests.patience import until
from tests.real import need
from tools.backends import kafka
from tools.backends.server import Server

Event = tuple[str, str, dict[str, Any]]


def numbered(first: int, last: int, **data: Any) -> list[Event]:
    return [(str(number), f"key {number % 7}", data) for number in range(first, last)]


def started(*boxes: KafkaBox, target: str = "f") -> Counter[str]:
    return Counter(one["id"] for box in boxes for one in box.record(target, "start"))


def ended(*boxes: KafkaBox, target: str = "f") -> set[str]:
    return {one["id"] for box in boxes for one in box.record(target, "end") if one["status"] < 300}


def here(box: KafkaBox) -> bool:
    return all(source["here"] for source in box.status()["sources"])


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Server]:
    need("kafka")
    server = kafka.start(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def own_box(database: Database, tmp_path: Path, own_broker: Server) -> Iterator[MakeKafkaBox]:
    yield from kafka_boxes(database, tmp_path, own_broker.address)


# --- what is committed


def test_nothing_is_committed_past_what_is_not_done(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f", concurrency=20), kafka_source("f", "t")], partitions=1).up()
    box.publish("t", ("slow", "k", {"until": "go"}), *numbered(0, 10))
    until(lambda: len(ended(box)) == 10)
    until(lambda: box.pending() == 1)
    assert box.committed("f").get(("t", 0)) == 0, "only the place where the group began"
    (box.data / "go").touch()
    until(lambda: box.committed("f") == {("t", 0): 11})
    assert set(started(box).values()) == {1}


def test_what_a_killed_runner_was_at_is_delivered_by_the_next(make_kafka_box: MakeKafkaBox) -> None:
    resources = [service("f", concurrency=20), kafka_source("f", "t")]
    box, other = make_kafka_box(resources), make_kafka_box(resources)
    box.up()
    box.publish("t", *numbered(0, 8, until="go"))
    until(lambda: len(started(box)) == 8)
    box.kill()
    other.up()
    other.data.joinpath("go").touch()
    until(lambda: ended(other) == {str(number) for number in range(8)})
    until(lambda: sum(other.committed("f").values()) == 8)


def test_a_runner_that_stops_leaves_its_groups_at_once_and_what_is_done_is_done(make_kafka_box: MakeKafkaBox) -> None:
    resources = [service("f"), kafka_source("f", "t")]
    box, other = make_kafka_box(resources), make_kafka_box(resources)
    box.up()
    box.publish("t", *numbered(0, 10))
    until(lambda: len(ended(box)) == 10 and box.pending() == 0)
    assert box.down() == 0
    other.up()
    other.publish("t", *numbered(10, 20))
    until(lambda: len(ended(other)) == 10)
    assert set(started(box, other).values()) == {1}


def test_a_group_that_begins_with_the_next_event_goes_on_from_there_after_a_restart(
    make_kafka_box: MakeKafkaBox,
) -> None:
    box = make_kafka_box([service("f"), kafka_source("f", "t", offset="latest")])
    box.publish("t", ("before", "k", {}))
    box.up()
    until(lambda: len(box.committed("f")) == 3)
    box.down()
    box.publish("t", ("meanwhile", "k", {}))
    box.up()
    until(lambda: ended(box) == {"meanwhile"})


# --- groups that are shared out anew


def test_two_runners_share_the_work_and_one_takes_over_what_the_other_leaves(make_kafka_box: MakeKafkaBox) -> None:
    resources = [service("f", concurrency=4), service("dead"), kafka_source("f", "t", dead_letter="dead")]
    one, two = (make_kafka_box(resources, partitions=6, WADI_MAX_INSTANCES="1") for _ in range(2))
    one.up()
    one.publish("t", *numbered(0, 60, sleep=0.05))
    until(lambda: len(ended(one)) > 5)
    two.up()  # in the middle of the other's work
    until(lambda: here(one) and here(two))
    two.publish("t", *numbered(60, 160, sleep=0.05))
    until(lambda: ended(two) and len(ended(one, two)) > 90)
    one.down()
    two.publish("t", *numbered(160, 200, sleep=0.02))
    until(lambda: ended(one, two) == {str(number) for number in range(200)})
    until(lambda: sum(two.committed("f").values()) == 200)
    assert not one.record("dead") + two.record("dead")
    twice = sum(count > 1 for count in started(one, two).values())
    assert twice <= 40, "only what was under way, or not yet committed, when the group was shared out anew"


def test_what_is_under_way_when_the_group_is_shared_out_anew_is_not_begun_again_by_who_keeps_it(
    make_kafka_box: MakeKafkaBox,
) -> None:
    source = kafka_source("f", "t", ordering="ordered", timeout="PT100S")
    resources = [service("f", concurrency=3, timeout=100, max_scale=1), source]
    one, two = (make_kafka_box(resources, partitions=6) for _ in range(2))
    one.up()
    one.publish("t", *numbered(0, 70, until="go"))
    until(lambda: len(started(one)) == 3)
    two.up()
    until(lambda: here(two))
    two.kill()
    (one.data / "go").touch()
    until(lambda: sum(one.committed("f").values()) == 70)
    assert ended(one) == {str(number) for number in range(70)}, "what was here and not begun came again"
    assert set(started(one).values()) == {1}


def test_work_that_is_longer_than_a_session_does_not_cost_the_runner_its_place(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f"), kafka_source("f", "t")]).up()
    box.publish("t", ("long", "k", {"sleep": 8}), ("short", "other", {}))
    until(lambda: ended(box) == {"long", "short"})
    assert started(box) == {"long": 1, "short": 1}


# --- more than fits


def test_what_cannot_be_done_now_waits_in_kafka(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f", concurrency=2), kafka_source("f", "t")], partitions=1).up()
    box.publish("t", *numbered(0, 700, until="go"))
    until(lambda: box.pending() == 700)
    (box.data / "go").touch()
    until(lambda: len(ended(box)) == 700, seconds=100)
    until(lambda: box.committed("f") == {("t", 0): 700})
    assert set(started(box).values()) == {1}


# --- records that are no events


def test_a_record_that_is_no_event_goes_to_the_dead_letter_sink_and_holds_nothing_up(
    make_kafka_box: MakeKafkaBox,
) -> None:
    source = kafka_source("strict", "t", ordering="ordered", dead_letter="dead")
    box = make_kafka_box([service("strict"), service("dead"), source], partitions=1).up()
    box.publish("t", ("before", "k", {}))
    box.send("t", (b"k", b'{"status": 400}', []), (None, b"\xff\x00 no text", [("other", b"\xfe")]), (b"k", None, []))
    box.publish("t", ("after", "k", {}))
    until(lambda: {"before", "after"} <= ended(box, target="strict"))
    until(lambda: box.pending() == 0)
    until(lambda: box.committed("strict") == {("t", 0): 5})
    foreign = [one for one in box.record("strict", "start") if one["headers"]["ce-type"] == "dev.knative.kafka.event"]
    assert {one["id"]: one["headers"].get("ce-key") for one in foreign} == {
        "partition:0/offset:1": "k",
        "partition:0/offset:2": None,
        "partition:0/offset:3": "k",
    }
    assert {one["headers"]["ce-source"].partition("#")[0] for one in foreign} == {
        "/apis/v1/namespaces/wadi/kafkasources/strict"
    }
    (letter,) = box.record("dead", "start")
    assert (letter["id"], letter["headers"]["ce-knativeerrorcode"]) == ("partition:0/offset:1", "400")
    assert box.status()["sources"][0]["foreign"] == 3


def test_poison_is_given_up_after_its_tries_and_others_go_by(make_kafka_box: MakeKafkaBox) -> None:
    source = kafka_source("f", "t", retry=2, dead_letter="dead", ordering="ordered")
    box = make_kafka_box([service("f"), service("dead"), source], partitions=1).up()
    box.publish("t", ("poison", "a", {"status": 500}), *numbered(0, 20), ("last", "a", {}))
    until(lambda: len(ended(box)) == 21)
    until(lambda: box.committed("f") == {("t", 0): 22})
    assert [one["id"] for one in box.record("dead", "start")] == ["poison"]


def test_an_event_in_structured_mode_is_delivered_as_in_binary(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f"), kafka_source("f", "t")]).up()
    event = {"specversion": "1.0", "id": "1", "source": "/elsewhere", "type": "t", "data": {"status": 204}}
    event |= {"datacontenttype": "application/json"}
    event |= {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    box.send("t", (b"k", json.dumps(event).encode(), headers))
    got = until(lambda: box.record("f", "start"))[0]
    assert json.loads(got["data"]) == {"status": 204}
    assert (got["headers"]["ce-source"], got["headers"]["content-type"]) == ("/elsewhere", "application/json")
    assert got["headers"]["traceparent"] == event["traceparent"]


def test_the_bytes_of_an_event_reach_the_function_as_they_are(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f"), kafka_source("f", "t")]).up()
    headers = [("ce_specversion", b"1.0"), ("ce_id", "ü %".encode()), ("ce_source", b"/s"), ("ce_type", b"t")]
    body = b'{ "status" :  204, "text":"\xc3\xbc" }'
    box.send("t", (None, body, [*headers, ("content-type", b"application/json; charset=utf-8")]))
    got = until(lambda: box.record("f", "start"))[0]
    assert got["data"].encode() == body
    assert got["id"] == "%C3%BC%20%25"
    assert got["headers"]["content-type"] == "application/json; charset=utf-8"


# --- the broker dies


def test_a_broker_that_is_killed_and_comes_back_costs_no_event(own_box: MakeKafkaBox, own_broker: Server) -> None:
    box = own_box([service("f", concurrency=3), kafka_source("f", "t", ordering="ordered")]).up()
    box.publish("t", *numbered(0, 60, sleep=0.1))
    until(lambda: len(ended(box)) > 5)
    own_broker.kill()
    before = len(ended(box))
    until(lambda: len(ended(box)) > before)  # what is here already is worked off
    own_broker.restart()
    box.publish("t", *numbered(60, 80))
    until(lambda: ended(box) == {str(number) for number in range(80)})
    until(lambda: sum(box.committed("f").values()) == 80)
    for key in range(7):
        order = [int(one["id"]) for one in box.record("f", "end") if int(one["id"]) % 7 == key]
        assert list(dict.fromkeys(order)) == sorted(set(order)), "the order of a key"


def test_without_a_broker_the_runner_says_in_one_line_what_is_wrong(make_kafka_box: MakeKafkaBox) -> None:
    box = make_kafka_box([service("f"), kafka_source("f", "t")])
    box.settings["KAFKA_BROKERS"] = "127.0.0.1:9"
    done = box.run("up", "--root", str(box.root), "--module", "tests.local.served")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("KAFKA_BROKERS: no answer from Kafka at 127.0.0.1:9: ")
