"""The events of one consumer group from the Kafka partitions that this runner has, and the progress in each partition.

Records are handled in any order, but a committed offset covers all records before it. So the offset that is committed
is the lowest one that is not done. The offsets beyond it that are done are remembered: when a rebalance takes a
partition away and gives it back, this runner handles none of its records twice. What a kill or another rebalance
delivers twice, the handlers recognize.

The reader's thread adds records, the event loop takes them: every method holds the lock for a moment.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.delivery.queue import PendingEvent, Subscription
from shared.cloudevents.kafka import foreign, from_record


class Partition(NamedTuple):
    """As kafka-python's TopicPartition, and equal to it."""

    topic: str
    partition: int


class Record(NamedTuple):
    """What we use of a record as kafka-python has it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass
class PartitionProgress:
    """One partition: `open` are the offsets that are not done, `done` those beyond the lowest of them that are."""

    open: dict[int, int] = field(default_factory=dict)  # offset -> position in the queue
    done: set[int] = field(default_factory=set)
    next: int | None = None  # the offset after the last record that came; None until it is known where to begin
    committed: int | None = None
    assigned: int = 0  # how often it was
    _lowest: list[int] = field(default_factory=list)

    def add(self, offset: int, position: int) -> None:
        self.open[offset] = position
        heapq.heappush(self._lowest, offset)

    def close(self, offset: int) -> None:
        if self.open.pop(offset, None) is not None:
            self.done.add(offset)

    def begin_at(self, offset: int) -> None:
        """It was assigned anew: what is before the offset, somebody has done and committed."""
        self.next = offset
        self.open = {at: position for at, position in self.open.items() if at >= offset}
        self.done = {at for at in self.done if at >= offset}
        self._lowest = sorted(self.open)

    def commit_offset(self) -> int | None:
        """What may be committed; None when nothing is known yet."""
        if self.next is None:
            return None
        while self._lowest and self._lowest[0] not in self.open:
            heapq.heappop(self._lowest)
        # what was let go, and has not come again yet, may lie before the lowest that is open
        point = min(self._lowest[0], self.next) if self._lowest else self.next
        self.done = {at for at in self.done if at >= point}  # at the point itself: it may come once more
        return point


@dataclass
class Item:
    pending: PendingEvent
    partition: Partition
    offset: int
    line: tuple[Partition, str]
    begun: bool = False  # given to the consumer, which has not yet said what became of it


class KafkaQueue:
    def __init__(self, source: Subscription) -> None:
        self.source = source
        self.foreign = 0
        self._lock = threading.Lock()
        self._items: dict[int, Item] = {}
        self._ready: dict[int, None] = {}  # positions that are due, in order
        self._later: list[tuple[float, int]] = []
        self._lines: dict[tuple[Partition, str], deque[int]] = {}  # ordered sources: the positions of each key
        self._partitions: dict[Partition, PartitionProgress] = {}
        self._mine: set[Partition] = set()
        self._last = 0

    # --- the consumer's side (local/delivery/consumer.py)

    @property
    def here(self) -> bool:
        """Whether this member has partitions, and knows where to begin in each."""
        with self._lock:
            return bool(self._mine) and all(self._partitions[one].next is not None for one in self._mine)

    async def due(self, in_flight: Sequence[int], limit: int) -> list[PendingEvent]:
        busy = set(in_flight)
        with self._lock:
            now = time.monotonic()
            while self._later and self._later[0][0] <= now:
                _, position = heapq.heappop(self._later)
                if position in self._items:
                    self._ready[position] = None
            found = []
            for position in self._ready:
                if position in busy:
                    continue
                item = self._items[position]
                item.begun = True
                found.append(item.pending)
                if len(found) == limit:
                    break
        return found

    async def seconds_until_due(self) -> float | None:
        with self._lock:
            return max(0.0, self._later[0][0] - time.monotonic()) if self._later else None

    async def complete(self, position: int) -> None:
        with self._lock:
            item = self._items.pop(position, None)
            if item is None:
                return
            self._ready.pop(position, None)
            if progress := self._partitions.get(item.partition):
                progress.close(item.offset)
            self._next_in_line(item)

    async def postpone(self, position: int, attempt: int, seconds: float) -> None:
        with self._lock:
            item = self._items.get(position)
            if item is None:
                return
            item.begun = False
            item.pending.attempt = attempt
            self._ready.pop(position, None)
            if item.partition in self._mine and item.offset in self._partitions[item.partition].open:
                heapq.heappush(self._later, (time.monotonic() + seconds, position))
            else:
                self._forget(item)

    # --- the reader's side (local/delivery/kafka/reader.py)

    def assigned(self, partitions: Iterable[Partition]) -> None:
        with self._lock:
            for one in partitions:
                self._mine.add(one)
                progress = self._partitions.setdefault(one, PartitionProgress())
                progress.next = progress.committed = None
                progress.assigned += 1
            for gone in self._partitions.keys() - self._mine:
                if not self._partitions[gone].open:
                    del self._partitions[gone]

    def revoked(self, partitions: Iterable[Partition]) -> None:
        """Others will get what is not begun; what is, goes on, and is not begun again should it come back."""
        with self._lock:
            for one in partitions:
                self._mine.discard(one)
                progress = self._partitions.get(one)
                if progress is None:
                    continue
                progress.next = None
                for item in [self._items[position] for position in progress.open.values() if position in self._items]:
                    if not item.begun:
                        self._forget(item)

    def to_begin(self) -> dict[Partition, int]:
        """The partitions that were assigned, of which it is to be found out where to begin; and a ticket for each."""
        with self._lock:
            return {one: self._partitions[one].assigned for one in self._mine if self._partitions[one].next is None}

    def begin(self, partition: Partition, ticket: int, offset: int) -> None:
        """The next records of it that arrive begin at the offset."""
        with self._lock:
            if partition in self._mine and self._partitions[partition].assigned == ticket:
                self._partitions[partition].begin_at(offset)

    def arrived(self, partition: Partition, records: Sequence[Record]) -> None:
        with self._lock:
            progress = self._partitions.get(partition)
            if partition not in self._mine or progress is None or progress.next is None:
                return  # they come again
            for record in records:
                progress.next = record.offset + 1
                if record.offset not in progress.open and record.offset not in progress.done:
                    self._add(partition, progress, record)

    def offsets_to_commit(self) -> dict[Partition, int]:
        """What is to be committed."""
        with self._lock:
            found = {}
            for one in self._mine:
                point = self._partitions[one].commit_offset()
                if point is not None and point != self._partitions[one].committed:
                    found[one] = point
            return found

    def committed(self, points: dict[Partition, int]) -> None:
        with self._lock:
            for one, offset in points.items():
                if one in self._mine:
                    self._partitions[one].committed = offset

    def unfinished(self) -> dict[Partition, int]:
        """How many records of each partition are here and not done."""
        with self._lock:
            return {one: len(self._partitions[one].open) for one in self._mine}

    def lag(self, ends: dict[Partition, int]) -> int:
        """What is not done of the partitions that are ours, given where each of them ends."""
        with self._lock:
            total = 0
            for one in self._mine:
                progress = self._partitions[one]
                total += len(progress.open)
                if progress.next is not None and one in ends:
                    total += max(0, ends[one] - progress.next)
            return total

    # --- all under the lock

    def _add(self, partition: Partition, progress: PartitionProgress, record: Record) -> None:
        self._last += 1
        location = f"partition:{partition.partition}/offset:{record.offset}"
        event = self._event(partition, record, location)
        # without a key, the order is that of the partition
        key = "" if record.key is None else record.key.decode(errors="replace")
        item = Item(
            PendingEvent(self._last, partition.topic, key, 0, event, location),
            partition,
            record.offset,
            (partition, key),
        )
        self._items[self._last] = item
        progress.add(record.offset, self._last)
        if not self.source.ordered:
            self._ready[self._last] = None
            return
        line = self._lines.setdefault(item.line, deque())
        line.append(self._last)
        if len(line) == 1:
            self._ready[self._last] = None

    def _event(self, partition: Partition, record: Record, location: str) -> dict[str, Any]:
        event = from_record(record.value, record.headers)
        if event is None:
            self.foreign += 1
            event = foreign(self.source.name, partition.topic, location, record.key, record.value)
        return event

    def _next_in_line(self, item: Item) -> None:
        line = self._lines.get(item.line)
        if line is None:
            return
        position = item.pending.position
        first = line[0] == position
        line.remove(position)
        if not line:
            del self._lines[item.line]
        elif first:
            self._ready[line[0]] = None

    def _forget(self, item: Item) -> None:
        position = item.pending.position
        self._items.pop(position, None)
        self._ready.pop(position, None)
        if progress := self._partitions.get(item.partition):
            progress.open.pop(item.offset, None)
        line = self._lines.get(item.line)
        if line is not None:
            line.remove(position)
            if not line:
                del self._lines[item.line]
