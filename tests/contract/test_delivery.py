"""Events from topics to functions: retries, backoff, dead letters, order, concurrency, as a KafkaSource has them.

The same for every transport: tables of the database, and Kafka.
"""

import base64
import json
import os
import signal
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.delivering import MakeBox
from tests.local.box import Box
from tests.local.yaml_files import kafka_source, service
from tests.patience import until

RETRIED = [404, 408, 409, 429, 500, 501, 502, 503, 504, 599]
NOT_RETRIED = [301, 307, 400, 401, 403, 405, 406, 410, 413, 415, 422, 451]


def settled(box: Box, count: int) -> bool:
    """Whether all events have been taken note of, and nothing is owed."""
    return len({one["id"] for one in box.record(at="start")}) >= count and box.pending() == 0


def tries(box: Box, target: str = "f") -> Counter[str]:
    return Counter(one["id"] for one in box.record(target, "start"))


def test_each_status_is_retried_or_not_as_knative_says(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("dead"), kafka_source("f", "t", retry=2, dead_letter="dead")]).up()
    statuses = [200, 202, 204, *RETRIED, *NOT_RETRIED]
    box.publish("t", *((str(status), str(status), {"status": status}) for status in statuses))
    until(lambda: settled(box, len(statuses)))
    expected = {str(status): 3 if status in RETRIED else 1 for status in statuses}
    assert tries(box) == expected
    letters = {one["id"]: one["headers"] for one in box.record("dead", "start")}
    assert letters.keys() == {str(status) for status in RETRIED + NOT_RETRIED}
    assert {one: headers["ce-knativeerrorcode"] for one, headers in letters.items()} == {one: one for one in letters}


def test_a_dead_letter_is_the_event_with_what_went_wrong(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("dead"), kafka_source("f", "t", retry=0, dead_letter="dead")]).up()
    box.publish("t", ("1", "k", {"status": 422}))
    letter = until(lambda: box.record("dead", "start"))[0]
    headers = {name: value for name, value in letter["headers"].items() if name.startswith("ce-")}
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/test",
        "ce-type": "t",
        "ce-subject": "k",
        "ce-partitionkey": "k",
        "ce-knativeerrordest": "http://f.wadi.svc.cluster.local",
        "ce-knativeerrorcode": "422",
        "ce-knativeerrordata": base64.b64encode(b"it went wrong").decode(),
    }
    assert letter["headers"]["content-type"] == "application/json"
    assert json.loads(letter["data"]) == {"status": 422}
    until(lambda: box.pending() == 0)


def test_an_event_that_goes_right_after_some_tries_is_no_dead_letter(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("dead"), kafka_source("f", "t", retry=5, dead_letter="dead")]).up()
    box.publish("t", ("1", "k", {"status": 503, "times": 3}))
    until(lambda: settled(box, 1))
    assert tries(box) == {"1": 4}
    assert not box.record("dead")


def test_a_crash_of_the_function_is_no_answer_and_is_retried(make_box: MakeBox) -> None:
    box = make_box(
        [service("f"), service("dead"), kafka_source("f", "t", retry=8, dead_letter="dead", delay="PT0.2S")]
    ).up()
    box.publish("t", ("1", "k", {"crash": signal.SIGKILL, "times": 1}), ("2", "k2", {"crash": 6, "times": 2}))
    until(lambda: {one["id"] for one in box.record("f", "end")} == {"1", "2"} and box.pending() == 0)
    assert not box.record("dead")


def test_a_crash_that_does_not_end_becomes_a_dead_letter(make_box: MakeBox) -> None:
    box = make_box(
        [service("f"), service("dead"), kafka_source("f", "t", retry=1, dead_letter="dead", delay="PT0.7S")]
    ).up()
    box.publish("t", ("1", "k", {"crash": signal.SIGKILL}))
    letter = until(lambda: box.record("dead", "start"))[0]
    assert letter["headers"]["ce-knativeerrorcode"] in ("500", "503")
    assert tries(box)["1"] in (1, 2)


def test_a_try_that_takes_too_long_counts_as_no_answer(make_box: MakeBox) -> None:
    source = kafka_source("f", "t", retry=1, dead_letter="dead", timeout="PT0.3S")
    box = make_box([service("f", min_scale=1), service("dead"), source]).up()
    until(lambda: [one for one in box.processes("f") if one["state"] == "ready"])
    box.publish("t", ("1", "k", {"sleep": 3}))
    letter = until(lambda: box.record("dead", "start"))[0]
    assert letter["headers"]["ce-knativeerrorcode"] == "500"
    assert base64.b64decode(letter["headers"]["ce-knativeerrordata"]) == b"no answer in time"
    assert tries(box) == {"1": 2}


@pytest.mark.parametrize(("policy", "pauses"), [("linear", [0.2, 0.4, 0.6]), ("exponential", [0.4, 0.8, 1.6])])
def test_the_pauses_grow_as_the_policy_says(make_box: MakeBox, policy: str, pauses: list[float]) -> None:
    box = make_box([service("f"), kafka_source("f", "t", retry=3, policy=policy, delay="PT0.2S")]).up()
    box.publish("t", ("1", "k", {"status": 500}))
    until(lambda: settled(box, 1))
    times = [one["time"] for one in box.record("f", "start")]
    waited = [later - earlier for earlier, later in pairwise(times)]
    assert len(waited) == 3
    assert all(wait >= pause for wait, pause in zip(waited, pauses, strict=True)), waited


def test_without_a_dead_letter_sink_the_event_is_dropped_and_the_log_says_so(make_box: MakeBox) -> None:
    box = make_box([service("f"), kafka_source("f", "t", retry=1)]).up()
    box.publish("t", ("1", "the-key", {"status": 500}))
    until(lambda: settled(box, 1))
    assert tries(box) == {"1": 2}
    assert box.status()["sources"][0]["dropped"] == 1
    log = box.run("logs", "runner").stdout
    assert "dropped, there is no dead letter sink" in log
    assert "the-key" in log


def test_a_dead_letter_waits_until_the_sink_takes_it_and_keeps_nobody_waiting(make_box: MakeBox) -> None:
    services = [service("f", concurrency=1, max_scale=1), service("dead", target="fixed_500")]
    box = make_box([*services, kafka_source("f", "t", retry=0, dead_letter="dead")]).up()
    box.publish("t", ("1", "a", {"status": 400}), *((str(n), "b", {}) for n in range(2, 12)))
    until(lambda: len(box.record("fixed_500", "start")) >= 2)
    until(lambda: box.pending() == 1)
    assert tries(box) == {str(number): 1 for number in range(1, 12)}, "the others went by"


def overlaps(spans: list[tuple[float, float]]) -> bool:
    ordered = sorted(spans)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ordered))


def spans(box: Box, ids: list[str]) -> list[tuple[float, float]]:
    starts = {one["id"]: one["time"] for one in box.record("f", "start")}
    ends = {one["id"]: one["time"] for one in box.record("f", "end")}
    return [(starts[one], ends[one]) for one in ids]


def keyed(count: int, keys: str, data: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"{key}{number:02}", key, data) for number in range(count) for key in keys]


def test_an_ordered_source_keeps_the_order_of_each_key_and_one_key_does_not_hold_another_up(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=10), kafka_source("f", "t", ordering="ordered")]).up()
    events = keyed(8, "abc", {"sleep": 0.05})
    box.publish("t", *events)
    until(lambda: settled(box, len(events)))
    order = [one["id"] for one in box.record("f", "start")]
    for key in "abc":
        mine = [one for one in order if one.startswith(key)]
        assert mine == sorted(mine)
        assert not overlaps(spans(box, mine)), "one at a time"
    assert overlaps(spans(box, order)), "keys run beside one another"


def test_in_an_ordered_source_a_retry_holds_back_what_follows_it(make_box: MakeBox) -> None:
    box = make_box([service("f"), kafka_source("f", "t", ordering="ordered", delay="PT0.3S")]).up()
    box.publish("t", ("a1", "a", {"status": 500, "times": 1}), ("a2", "a", {}), ("b1", "b", {}))
    until(lambda: settled(box, 3))
    order = [one["id"] for one in box.record("f", "start")]
    assert [one for one in order if one.startswith("a")] == ["a1", "a1", "a2"]
    assert order.index("b1") < len(order) - 1, "the other key did not wait"


def test_an_unordered_source_runs_one_key_side_by_side_and_a_retry_holds_nothing_back(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=10), kafka_source("f", "t", delay="PT60S")]).up()
    events = [("a00", "a", {"status": 500}), *keyed(4, "b", {"until": "go"}), ("a01", "a", {})]
    box.publish("t", *events)
    until(lambda: tries(box) == {one[0]: 1 for one in events})
    (box.data / "go").touch()
    until(lambda: box.pending() == 1)
    assert tries(box)["a00"] == 1, "it still waits for its second try"


def test_never_more_events_at_once_than_the_processes_can_take(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=2), kafka_source("f", "t")], WADI_MAX_INSTANCES="2").up()
    box.publish("t", *keyed(16, "k", {"sleep": 0.1}))
    until(lambda: settled(box, 16))
    for pid in {one["pid"] for one in box.record("f", "start")}:
        at_once = running = 0
        for one in box.record("f"):
            if one["pid"] == pid and one["at"] in ("start", "end"):
                running += 1 if one["at"] == "start" else -1
                at_once = max(at_once, running)
        assert at_once <= 2
    assert len({one["pid"] for one in box.record("f", "start")}) == 2


def test_each_consumer_group_gets_every_event(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("g"), kafka_source("f", "t"), kafka_source("g", "t")]).up()
    box.publish("t", *keyed(5, "k", {}))
    until(lambda: len(box.record("f", "end")) == len(box.record("g", "end")) == 5)


def test_a_new_group_begins_with_the_first_event_or_with_the_next_as_it_wishes(make_box: MakeBox) -> None:
    both = [kafka_source("f", "t", offset="earliest"), kafka_source("g", "t", offset="latest")]
    box = make_box([service("f"), service("g"), *both])
    box.publish("t", ("old", "k", {}))
    box.up()
    until(lambda: box.record("f", "end"))
    until(lambda: all(one["here"] for one in box.status()["sources"]))
    box.publish("t", ("new", "k", {}))
    until(lambda: len(box.record("f", "end")) == 2 and len(box.record("g", "end")) == 1)
    assert tries(box, "g") == {"new": 1}


def test_an_event_in_the_middle_of_work_when_its_process_is_killed_is_delivered_again(make_box: MakeBox) -> None:
    box = make_box([service("f"), kafka_source("f", "t", retry=5, delay="PT0.2S")]).up()
    box.publish("t", ("1", "k", {"sleep": 1}))
    pid = until(lambda: box.record("f", "start"))[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: settled(box, 1))
    assert box.record("f", "end")[0]["pid"] != pid
