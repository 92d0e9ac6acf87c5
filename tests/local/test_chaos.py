"""The test mode: deliveries doubled, delayed and in another order, the same from the same seed."""

from collections import Counter

import pytest

from local.delivery.chaos import Chaos, parse
from local.delivery.queue import PendingEvent
from tests.local.conftest import MakeBox
from tests.local.yaml_files import kafka_source, service
from tests.patience import until

PENDING = [PendingEvent(position, "t", "k", 0, {}) for position in range(1, 31)]


def order(chaos: Chaos, group: str = "f") -> list[int]:
    return [one.position for one in chaos.shuffled(group, PENDING)]


def test_nothing_happens_unless_asked_for() -> None:
    chaos = parse("")
    assert order(chaos) == [one.position for one in PENDING]
    assert not any(chaos.duplicated("f", position) or chaos.delayed("f", position) for position in range(1000))


def test_the_same_seed_gives_the_same_chaos_and_another_gives_another() -> None:
    text = "seed=7, duplicate=0.3, delay=0.5, reorder=0.3"
    one, same, other = parse(text), parse(text), parse(text.replace("7", "8"))
    assert order(one) == order(same) != order(other)
    assert order(one) != order(one, "another group")
    double = [[chaos.duplicated("f", position) for position in range(100)] for chaos in (one, same, other)]
    assert double[0] == double[1] != double[2]
    assert [one.delayed("f", position) for position in range(100)] == [
        same.delayed("f", position) for position in range(100)
    ]


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_probabilities_are_kept(probability: float) -> None:
    chaos = Chaos(seed=1, duplicate=probability, delay=probability)
    assert abs(sum(chaos.duplicated("f", position) for position in range(2000)) / 2000 - probability) < 0.05
    assert abs(sum(chaos.delayed("f", position) > 0 for position in range(2000)) / 2000 - probability) < 0.05


def test_an_event_is_delayed_once_only() -> None:
    chaos = Chaos(delay=1)
    assert chaos.delayed("f", 1) > 0
    assert chaos.delayed("f", 1) == 0


def test_doubled_delayed_and_reordered_deliveries_lose_nothing(make_box: MakeBox) -> None:
    chaos = "seed=3,duplicate=1,delay=0.3,reorder=0.5"
    box = make_box([service("f", concurrency=2), kafka_source("f", "t")], WADI_CHAOS=chaos)
    box.publish("t", *((str(number), "k", {}) for number in range(30)))
    box.up()
    until(lambda: len(box.record("f", "end")) == 60 and box.pending() == 0)
    began = [one["id"] for one in box.record("f", "start")]
    assert Counter(began) == {str(number): 2 for number in range(30)}
    assert list(dict.fromkeys(began)) != [str(number) for number in range(30)]


def test_an_ordered_source_keeps_its_order_even_then(make_box: MakeBox) -> None:
    source = kafka_source("f", "t", ordering="ordered")
    box = make_box([service("f"), source], WADI_CHAOS="seed=3,delay=0.2,reorder=1")
    box.publish("t", *((f"{number:02}", "k", {}) for number in range(10)))
    box.up()
    until(lambda: len(box.record("f", "end")) == 10 and box.pending() == 0)
    assert [one["id"] for one in box.record("f", "start")] == [f"{number:02}" for number in range(10)]
