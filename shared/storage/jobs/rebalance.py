"""Brings every object to where the ring says, in the background.

A pass goes through all objects in order; its position is kept, so that what a crash interrupts goes on. Only one
process does it at a time, under a lock, and every transaction checks the lock's fence. An object is first copied to the
nodes that should have it (read, verified, durable, recorded), then the others drop it, never with fewer good replicas
than are wanted. A pass begins when the ring has changed, and now and then to migrate what had to wait for a node.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from shared import coordination
from shared.config import integer, setting
from shared.db import Transactions
from shared.storage.jobs.migrate import Migrated, ReplicaMigration, ShardMigration, Task
from shared.storage.model import ObjectRef, Shard
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.nodes.state import remove_emptied
from shared.storage.placement.diff import Located, placement_diff, shard_diff
from shared.storage.placement.replicate import replicas_wanted
from shared.storage.throttle import Throttle

PAGE, CHUNK = 500, 16  # objects looked at in one query; migrated between two updates of the position
AT_ONCE = 4  # copies
AGAIN_AFTER = 60  # seconds, when some objects wait for a node
AGAIN_ANYWAY = 3600

log = logging.getLogger("wadi.storage")


def rebalance(transactions: Transactions, seconds: float) -> bool:
    """Works for about so long, under a lock that the caller holds and `transactions` check; True when there is nothing
    left to do."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while (pass_ := _Pass.current(transactions)) is not None:
            if not pass_.go_on(pool, until):
                return False
    return True


class _Progress(Struct):
    epoch: int
    position: str
    finished: bool
    due: bool | None


class _Row(Struct):
    key: str
    size: int
    sha256: str
    part_size: int | None
    replicas: tuple[str, ...]
    temporary: bool | None


class _ShardOf(Shard, frozen=True):
    object_key: str


class _Pass:
    """One walk through all objects, for one state of the ring."""

    def __init__(self, transactions: Transactions, nodes: Nodes, epoch: int, position: str) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._epoch = epoch
        self._position = position
        self._wanted = replicas_wanted(nodes)
        self._keep_sources = setting("SOURCE_POLICY") == "keep"
        self._throttle = Throttle(integer("REBALANCE_BYTES_PER_SECOND"))

    @classmethod
    def current(cls, transactions: Transactions) -> "_Pass | None":
        """The pass that is under way, or a new one, or None when none is due."""
        with transactions() as tx:
            epoch = coordination.epoch(tx)
            row = tx.one(
                _Progress,
                "select epoch, position, finished_at is not null as finished,"
                " finished_at < now() - make_interval(secs => case when waiting > 0 then %s else %s end) as due"
                " from rebalance for update",
                (AGAIN_AFTER, AGAIN_ANYWAY),
            )
            assert row is not None, "the migration made the row"
            if row.epoch != epoch or row.due:
                tx.execute(
                    "update rebalance set epoch = %s, position = '', objects = (select count(*) from object), seen = 0,"
                    " copied = 0, copied_bytes = 0, dropped = 0, waiting = 0, reason = null,"
                    " started_at = now(), finished_at = null",
                    (epoch,),
                )
                return cls(transactions, load(tx), epoch, "")
            return None if row.finished else cls(transactions, load(tx), epoch, row.position)

    def go_on(self, pool: ThreadPoolExecutor, until: float) -> bool:
        """False when the time is over; True at its end, or when the ring has changed."""
        while page := self._page():
            work = [(each.object.key, task) for each in page if (task := self._task(each)) is not None]
            for chunk in (work[start : start + CHUNK] for start in range(0, len(work), CHUNK)):
                done = list(pool.map(lambda each: each[1](), chunk))
                if not self._save_progress(chunk[-1][0], done):
                    return True
                if time.monotonic() >= until:
                    return False
            if not self._save_progress(page[-1].object.key, []):
                return True
        self._finish()
        return True

    def _page(self) -> list[Located]:
        with self._transactions() as tx:
            rows = tx.all(
                _Row,
                """
                select o.key, o.size, o.sha256, o.part_size,
                       array(select node_id from replica r where r.object_key = o.key order by node_id) as replicas,
                       o.key like 'sources/%%'
                           and not ((%s or v.source_kept is not null) and v.state = 'ready') as temporary
                from object o left join video v on v.id = o.video_id
                where o.key > %s order by o.key limit %s
                """,
                (self._keep_sources, self._position, PAGE),
            )
            found = tx.all(
                _ShardOf,
                "select object_key, number, node_id, size, sha256, key from shard where object_key = any(%s)"
                " order by object_key, number",
                ([row.key for row in rows],),
            )
        shards: dict[str, list[Shard]] = {}
        for each in found:
            shards.setdefault(each.object_key, []).append(each)
        return [
            Located(
                ObjectRef(row.key, row.size, row.sha256, row.part_size),
                row.replicas,
                tuple(shards.get(row.key, ())),
                bool(row.temporary),
            )
            for row in rows
        ]

    def _save_progress(self, position: str, done: list[Migrated]) -> bool:
        """Writes down how far it is; False when the ring has changed, so that the pass must begin anew."""
        waiting = [each.waiting for each in done if each.waiting is not None]
        with self._transactions() as tx:
            tx.execute(
                "update rebalance set position = %s,"
                " seen = seen + (select count(*) from object where key > position and key <= %s),"
                " copied = copied + %s, copied_bytes = copied_bytes + %s, dropped = dropped + %s,"
                " waiting = waiting + %s, reason = coalesce(%s, reason)",
                (
                    position,
                    position,
                    sum(each.copied for each in done),
                    sum(each.copied_bytes for each in done),
                    sum(each.dropped for each in done),
                    len(waiting),
                    waiting[-1] if waiting else None,
                ),
            )
            self._position = position
            return coordination.epoch(tx) == self._epoch

    def _finish(self) -> None:
        """Ends the pass. Nodes that are being emptied and are empty now are removed."""
        with self._transactions() as tx:
            tx.execute("update rebalance set finished_at = now()")
            for node_id in remove_emptied(tx):
                log.info("node %s is empty, and removed", node_id)

    def _task(self, located: Located) -> Task | None:
        """What there is to do for an object, if anything."""
        if diff := placement_diff(self._nodes, located, self._wanted):
            return ReplicaMigration(self._transactions, self._nodes, self._throttle, located, diff).run
        if moving := shard_diff(self._nodes, located):
            return ShardMigration(self._transactions, self._nodes, self._throttle, located, moving).run
        return None
