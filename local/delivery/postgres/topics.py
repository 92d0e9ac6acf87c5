"""Topics in PostgreSQL, from the consumers' side: which deliveries are pending for each group.

One connection, used by one thread. It holds an advisory lock for each consumer group that this runner serves, so that
of several runners on one database only one delivers to a group; the lock goes when the connection goes, also by
kill -9. And since the same connection that holds the locks does the queries, a query that succeeds was allowed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import psycopg2
from psycopg2.extensions import connection, cursor

from local.delivery.queue import PendingEvent, TransportDownError
from local.manifests import KafkaSource

log = logging.getLogger("wadi.delivery")

Result = TypeVar("Result")

FAN_OUT = """
    with fresh as (
        select o.consumer_group, o.topic, r.position, r.key
        from consumer_offset o join topic_record r on r.topic = o.topic and r.position > o.position
        where (o.consumer_group, o.topic) in %s
    ), pending as (
        insert into delivery (consumer_group, position, topic, key)
        select consumer_group, position, topic, key from fresh
        on conflict do nothing
    ), moved as (
        update consumer_offset o set position = last.position
        from (select consumer_group, topic, max(position) as position from fresh group by 1, 2) last
        where o.consumer_group = last.consumer_group and o.topic = last.topic
        returning o.consumer_group
    )
    select distinct consumer_group from moved
"""
DUE = """
    select d.position, d.topic, d.key, d.attempt, r.event
    from delivery d join topic_record r on r.position = d.position
    where d.consumer_group = %s and d.due_at <= now() and d.position <> all(%s)
"""
FIRST_OF_ITS_KEY = """
    and not exists (
        select 1 from delivery before where before.consumer_group = d.consumer_group and before.topic = d.topic
            and before.key = d.key and before.position < d.position
    )
"""


class Topics:
    def __init__(self, url: str) -> None:
        self.url = url
        self.owned: set[str] = set()
        self._db: connection | None = None
        self._thread = ThreadPoolExecutor(1, "topics")

    async def _run(self, work: Callable[[cursor], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[cursor], Result]) -> Result:
        try:
            if self._db is None:
                self._db = psycopg2.connect(self.url, connect_timeout=10, application_name="wadi local")
                self._db.autocommit = True
            with self._db.cursor() as at:
                return work(at)
        except psycopg2.Error as error:
            if self._db is None or self._db.closed or isinstance(error, psycopg2.OperationalError):
                self._forget()
            raise TransportDownError(" ".join(str(error).split())) from error

    def _forget(self) -> None:
        """Without the connection its locks are gone too."""
        if self._db is not None:
            self._db.close()
        self._db = None
        self.owned = set()

    async def fan_out(self, sources: Sequence[KafkaSource]) -> set[str]:
        """Takes the groups that no other runner has, and records the new deliveries of each; the groups with some."""

        def work(at: cursor) -> set[str]:
            for source in sources:
                if source.group not in self.owned:
                    self._take(at, source)
            pairs = tuple((one.group, topic) for one in sources if one.group in self.owned for topic in one.spec.topics)
            if not pairs:
                return set()
            at.execute(FAN_OUT, (pairs,))
            return {str(row[0]) for row in at.fetchall()}

        return await self._run(work)

    def _take(self, at: cursor, source: KafkaSource) -> None:
        at.execute("select pg_try_advisory_lock(hashtext('wadi delivery'), hashtext(%s))", (source.group,))
        row = at.fetchone()
        if not row or not row[0]:
            return
        self.owned.add(source.group)
        newest = "(select coalesce(max(position), 0) from topic_record)"
        start = "0" if source.spec.initial_offset == "earliest" else newest
        for topic in source.spec.topics:
            at.execute(
                f"insert into consumer_offset values (%s, %s, {start}) on conflict do nothing",  # noqa: S608 - constants
                (source.group, topic),
            )

    async def due(self, source: KafkaSource, in_flight: Sequence[int], limit: int) -> list[PendingEvent]:
        """The events that are due for the group, oldest first, without those in flight."""

        def work(at: cursor) -> list[PendingEvent]:
            if source.group not in self.owned:
                return []
            at.execute(
                DUE + (FIRST_OF_ITS_KEY if source.ordered else "") + " order by d.position limit %s",
                (source.group, list(in_flight), limit),
            )
            return [PendingEvent(*row) for row in at.fetchall()]

        return await self._run(work)

    async def seconds_until_due(self, group: str) -> float | None:
        """How long until a postponed event is due."""

        def work(at: cursor) -> float | None:
            at.execute(
                "select extract(epoch from min(due_at) - now()) from delivery"
                " where consumer_group = %s and due_at > now()",
                (group,),
            )
            row = at.fetchone()
            return float(row[0]) if row and row[0] is not None else None

        return await self._run(work)

    async def complete(self, group: str, position: int) -> None:
        """The group has handled it."""
        await self._run(
            lambda at: at.execute("delete from delivery where consumer_group = %s and position = %s", (group, position))
        )

    async def postpone(self, group: str, position: int, attempt: int, seconds: float) -> None:
        """Makes it due again later; the number of failed tries is kept across restarts."""
        await self._run(
            lambda at: at.execute(
                "update delivery set attempt = %s, due_at = now() + make_interval(secs => %s)"
                " where consumer_group = %s and position = %s",
                (attempt, seconds, group, position),
            )
        )

    async def lag(self) -> dict[str, int]:
        """How many deliveries are pending for each group."""

        def work(at: cursor) -> dict[str, int]:
            at.execute("select consumer_group, count(*) from delivery group by 1")
            return dict(at.fetchall())

        return await self._run(work)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget)
        self._thread.shutdown()


@dataclass
class PostgresQueue:
    """The queue of one group."""

    topics: Topics
    source: KafkaSource

    @property
    def here(self) -> bool:
        return self.source.group in self.topics.owned

    async def due(self, in_flight: Sequence[int], limit: int) -> list[PendingEvent]:
        return await self.topics.due(self.source, in_flight, limit)

    async def seconds_until_due(self) -> float | None:
        return await self.topics.seconds_until_due(self.source.group)

    async def complete(self, position: int) -> None:
        await self.topics.complete(self.source.group, position)

    async def postpone(self, position: int, attempt: int, seconds: float) -> None:
        """The number of failed tries is kept across restarts."""
        await self.topics.postpone(self.source.group, position, attempt, seconds)
