"""What may be committed of a partition, however records arrive, are handled, and partitions go and come back."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import convert

from local.delivery.kafka.queue import KafkaQueue, Partition, Record
from local.manifests import KafkaSource
from tests.local.yaml_files import kafka_source

AT = Partition("t", 0)
LOG = 40

STEPS = st.lists(
    st.tuples(st.sampled_from(["fetch", "begin", "done", "fail", "commit", "lose", "gain"]), st.integers(1, 6)),
    max_size=60,
)

Result = TypeVar("Result")


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs what is async and never waits: an event loop for each step would take most of the time."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    raise AssertionError("it waits")


@dataclass
class Model:
    """One partition of a group, and a member of it; what another member does in between is nothing."""

    queue: KafkaQueue
    handled: set[int] = field(default_factory=set)
    begun: dict[int, int] = field(default_factory=dict)  # position -> offset
    committed: int = 0
    fetched: int = 0
    here: bool = False
    twice: int = 0

    def gain(self) -> None:
        if self.here:
            self.queue.revoked([AT])
        self.queue.assigned([AT])
        for partition, ticket in self.queue.to_begin().items():
            self.queue.begin(partition, ticket, self.committed)
        self.fetched, self.here = self.committed, True

    def step(self, what: str, count: int) -> None:
        match what:
            case "fetch" if self.here:
                offsets = range(self.fetched, min(self.fetched + count, LOG))
                self.queue.arrived(AT, [Record(one, b"k%d" % (one % 3), b"{}", []) for one in offsets])
                self.fetched += len(offsets)
            case "begin":
                for pending in done(self.queue.due(list(self.begun), count)):
                    offset = int(pending.location.rpartition(":")[2])
                    self.twice += offset in self.handled or offset in self.begun.values()
                    self.begun[pending.position] = offset
            case "done" | "fail":
                for position in list(self.begun)[:count]:
                    offset = self.begun.pop(position)
                    if what == "done":
                        self.handled.add(offset)
                        done(self.queue.complete(position))
                    else:
                        done(self.queue.postpone(position, 1, 0.0))
            case "commit":
                points = self.queue.offsets_to_commit()
                self.queue.committed(points)
                self.committed = points.get(AT, self.committed)
            case "lose" if self.here:
                self.queue.revoked([AT])
                self.here = False
            case "gain":
                self.gain()


def model(ordering: str) -> Model:
    source: dict[str, Any] = kafka_source("f", "t", ordering=ordering)
    made = Model(KafkaQueue(convert(source, KafkaSource)))
    made.gain()
    return made


@given(STEPS, st.sampled_from(["ordered", "unordered"]))
# what is let go before what is still in hand
@example([("fetch", 2), ("begin", 2), ("fail", 1), ("gain", 1), ("commit", 1)], "unordered")
@example([("fetch", 1), ("begin", 1), ("done", 1), ("gain", 1), ("commit", 1)], "ordered")
def test_nothing_is_committed_that_is_not_handled_and_all_is_handled_in_the_end(
    steps: list[tuple[str, int]], ordering: str
) -> None:
    one = model(ordering)
    for what, count in steps:
        one.step(what, count)
        assert set(range(one.committed)) <= one.handled
        if ordering == "ordered":
            keys = [offset % 3 for offset in one.begun.values()]
            assert len(keys) == len(set(keys)), "one of a key at a time"
    one.gain()
    for _ in range(3 * LOG):
        for what in ("fetch", "begin", "done", "commit"):
            one.step(what, 6)
    assert one.handled == set(range(LOG))
    assert one.committed == LOG
    assert one.twice == 0, "what this member has done or has in hand, it never begins again"
    assert one.queue.lag({AT: LOG}) == 0
