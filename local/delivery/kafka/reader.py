"""A member of a consumer group in Kafka: a thread that only polls, so that the group never takes it for dead, however
long the work takes. It adds records to the queue, commits what the queue says is done, and pauses partitions of which
enough records are here."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from local.delivery.kafka.queue import KafkaQueue, Partition, Record
from shared.config import ConfigError
from shared.outbox.kafka import client

if TYPE_CHECKING:
    from kafka import KafkaConsumer  # type: ignore[import-untyped]

log = logging.getLogger("wadi.delivery")

PAUSE_ABOVE, RESUME_BELOW = 250, 100  # records of one partition that are here and not done
POLL_MS = 200
ASK_MS = 3000  # what Kafka may take to answer a question of ours
LAG_SECONDS = 2.0
DOWN_SECONDS = 1.0
REBALANCE_SECONDS = 15.0  # members that were killed hold one up for the session's 6 s


class KafkaReader:
    def __init__(self, queue: KafkaQueue, wake: Callable[[], object], servers: str = "") -> None:
        """`servers` are the brokers to begin with; unset, those of KAFKA_BROKERS."""
        self.queue = queue
        self.servers = servers
        self.group = queue.source.group
        self._wake = wake
        self._stop = threading.Event()
        self._ends: dict[Partition, int] = {}
        self._asked = 0.0
        self._down = False
        self._rebalancing_since: float | None = time.monotonic()  # None: it is known which partitions are ours
        self._thread = threading.Thread(target=self._run, name=f"kafka {self.group}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commits what is done and leaves the group. Returns when that is so."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def lag(self) -> int:
        """How many events are not handled: exact for those that are here, a moment old for those still in Kafka."""
        return self.queue.lag(self._ends)

    @property
    def joined(self) -> bool:
        """Whether the group has told which partitions are ours; it may be none."""
        return self._rebalancing_since is None

    # --- told by the client, in its own thread

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self.queue.revoked([Partition(*one) for one in revoked])
        self._rebalancing_since = time.monotonic()

    on_partitions_lost = on_partitions_revoked

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        self.queue.assigned([Partition(*one) for one in assigned])
        self._rebalancing_since = None

    # --- our thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                consumer = self._consumer()
            except Exception as error:
                self._report(error)
                self._stop.wait(DOWN_SECONDS)
                continue
            try:
                # Asks for the topics' partitions: who joins without knowing them gets none, and joins twice.
                consumer.bootstrap(timeout_ms=ASK_MS, refresh=True)
                while not self._stop.is_set():
                    self._step(consumer)
                self._commit(consumer)
            except Exception as error:  # the client's state is not to be trusted any more
                self._report(error)
                self._stop.wait(DOWN_SECONDS)
            finally:
                with suppress(Exception):
                    consumer.close(autocommit=False, timeout_ms=ASK_MS)
                self.queue.revoked(self.queue.unfinished())

    def _consumer(self) -> "KafkaConsumer":
        from kafka import KafkaConsumer
        from kafka.consumer.subscription_state import ConsumerRebalanceListener  # type: ignore[import-untyped]

        client.reach(self.servers)
        ConsumerRebalanceListener.register(type(self))
        consumer = KafkaConsumer(
            **client.options(self.servers),
            client_id=f"wadi-local-{self.group}",
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset=self.queue.source.initial_offset,
            max_poll_records=PAUSE_ABOVE,
            session_timeout_ms=6000,  # a runner that was killed keeps its partitions for so long
            heartbeat_interval_ms=1500,
            allow_auto_create_topics=False,
        )
        consumer.subscribe(self.queue.source.topics, listener=self)
        self._rebalancing_since = time.monotonic()
        return consumer

    def _step(self, consumer: "KafkaConsumer") -> None:
        self._begin(consumer)
        fetched = consumer.poll(POLL_MS)
        for at, records in fetched.items():
            found = [Record(one.offset, one.key, one.value, one.headers) for one in records]
            self.queue.arrived(Partition(*at), found)
        if fetched:
            self._wake()
        self._end_a_rebalance_that_hangs()
        self._commit(consumer)
        self._hold_back(consumer)
        if time.monotonic() - self._asked > LAG_SECONDS:
            self._measure(consumer)
        if self._down and consumer.assignment():
            log.info("%s: Kafka answers again", self.group)
            self._down = False

    def _end_a_rebalance_that_hangs(self) -> None:
        """By an error, after which a new client joins. kafka-python 3.0 forgets a rebalance that a change of a topic's
        partitions began and that outlasts the poll: it waits for nothing any more, and sends no heartbeats."""
        since = self._rebalancing_since
        if since is not None and time.monotonic() - since > REBALANCE_SECONDS:
            raise TimeoutError(f"the group did not say within {REBALANCE_SECONDS:.0f} s which partitions are ours")

    def _commit(self, consumer: "KafkaConsumer") -> None:
        points = self.queue.offsets_to_commit()
        if points:
            self._commit_at(consumer, points)

    def _commit_at(self, consumer: "KafkaConsumer", points: dict[Partition, int]) -> None:
        from kafka import TopicPartition
        from kafka.errors import KafkaError  # type: ignore[import-untyped]
        from kafka.structs import OffsetAndMetadata  # type: ignore[import-untyped]

        try:
            consumer.commit(
                {TopicPartition(*one): OffsetAndMetadata(offset, "", -1) for one, offset in points.items()},
                timeout_ms=ASK_MS,
            )
        except KafkaError as error:  # a rebalance, or a broker that is away: what is not committed comes again
            log.info("%s: not committed: %s", self.group, " ".join(str(error).split()))
        else:
            self.queue.committed(points)

    def _hold_back(self, consumer: "KafkaConsumer") -> None:
        from kafka import TopicPartition

        mine, paused = consumer.assignment(), consumer.paused()
        unfinished = {TopicPartition(*one): count for one, count in self.queue.unfinished().items()}
        full = [one for one in mine - paused if unfinished.get(one, 0) >= PAUSE_ABOVE]
        low = [one for one in paused & mine if unfinished.get(one, 0) <= RESUME_BELOW]
        if full:
            consumer.pause(*full)
        if low:
            consumer.resume(*low)

    def _begin(self, consumer: "KafkaConsumer") -> None:
        """Goes to what is committed of each partition that was assigned. The client would go on from where it was in
        those that it had before; but what was not begun then, we have let go.

        The offset where a new group begins is committed, or "latest" would mean another offset after each restart."""
        from kafka import TopicPartition
        from kafka.errors import KafkaError

        starts, firsts = {}, {}
        for one, ticket in self.queue.to_begin().items():
            at = TopicPartition(*one)
            try:
                offset = consumer.committed(at, timeout_ms=ASK_MS)
                if offset is None:
                    offset = firsts[one] = self._first(consumer, at)
                consumer.seek(at, offset)
            except (KafkaError, AssertionError) as error:  # taken from us meanwhile, or a broker that is away
                log.info("%s: where to begin in %s is not known yet: %s", self.group, at, error)
                continue
            starts[one] = (ticket, offset)
        for one, (ticket, offset) in starts.items():
            self.queue.begin(one, ticket, offset)
        if firsts:
            self._commit_at(consumer, firsts)

    def _first(self, consumer: "KafkaConsumer", at: Any) -> int:
        ask = consumer.end_offsets if self.queue.source.initial_offset == "latest" else consumer.beginning_offsets
        return int(ask([at], timeout_ms=ASK_MS)[at])

    def _measure(self, consumer: "KafkaConsumer") -> None:
        from kafka.errors import KafkaError

        self._asked = time.monotonic()
        mine = list(consumer.assignment())
        if mine:
            with suppress(KafkaError):
                ends = consumer.end_offsets(mine, timeout_ms=ASK_MS)
                self._ends = {Partition(*at): offset for at, offset in ends.items()}

    def _report(self, error: Exception) -> None:
        if not self._down:
            said = " ".join(str(error).split()) or type(error).__name__
            log.error(
                "%s: %s", self.group, said if isinstance(error, ConfigError) else f"an error of Kafka's client: {said}"
            )
        self._down = True
