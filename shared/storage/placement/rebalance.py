"""Brings every object to where the ring says, in the background.

A pass goes through all objects in order; its position is kept, so that what a crash interrupts goes on. Only one
process does it at a time, under a lock, and every transaction checks the lock's fence. An object is first copied to the
nodes that should have it (read, verified, durable, recorded), then the others let go of it, never with fewer good
replicas than are wanted. A pass begins when the ring has changed, and now and then to bring in what could not be moved.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared import coordination
from shared.config import integer, setting
from shared.db import Transactions
from shared.storage.jobs.throttle import Pace
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.placement.diff import Held, Shard, moves, shard_moves
from shared.storage.placement.migrate import Outcome, Settlement, ShardMove
from shared.storage.placement.replicate import replicas_wanted

LOCK, LEASE_SECONDS = "rebalance", 30
PAGE, CHUNK = 500, 16  # objects looked at in one query; worked on between two notes of the position
AT_ONCE = 4  # copies
AGAIN_AFTER = 60  # seconds, when some objects wait for a node
AGAIN_ANYWAY = 3600

log = logging.getLogger("wadi.storage")


def rebalance(transactions: Transactions, holder: str, seconds: float) -> bool:
    """Works for about so long; True when there is nothing left to do. Raises Held, Deposed, Unavailable."""
    until = time.monotonic() + seconds
    with coordination.lock(LOCK, holder, LEASE_SECONDS) as fence, ThreadPoolExecutor(AT_ONCE) as pool:
        fenced = fence.guard(transactions)
        while (pass_ := _Pass.current(fenced)) is not None:
            if not pass_.go_on(pool, until):
                return False
    return True


class _Pass:
    """One walk through all objects, for one state of the ring."""

    def __init__(self, transactions: Transactions, nodes: Nodes, epoch: int, position: str) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._epoch = epoch
        self._position = position
        self._wanted = replicas_wanted(nodes)
        self._keep_sources = setting("SOURCE_POLICY") == "keep"
        self._pace = Pace(integer("REBALANCE_BYTES_PER_SECOND"))

    @classmethod
    def current(cls, transactions: Transactions) -> "_Pass | None":
        """The pass that is under way, or a new one, or None when none is due."""
        with transactions() as tx:
            epoch = coordination.epoch(tx)
            row = tx.one(
                "select *, finished_at < now() - make_interval(secs => case when waiting > 0 then %s else %s end)"
                " as due from rebalance for update",
                (AGAIN_AFTER, AGAIN_ANYWAY),
            )
            assert row is not None, "the migration made the row"
            if row["epoch"] != epoch or row["due"]:
                tx.execute(
                    "update rebalance set epoch = %s, position = '', objects = (select count(*) from object), seen = 0,"
                    " copied = 0, copied_bytes = 0, dropped = 0, waiting = 0, reason = null,"
                    " started_at = now(), finished_at = null",
                    (epoch,),
                )
            elif row["finished_at"] is not None:
                return None
            else:
                return cls(transactions, load(tx), epoch, row["position"])
            return cls(transactions, load(tx), epoch, "")

    def go_on(self, pool: ThreadPoolExecutor, until: float) -> bool:
        """False when the time is over; True at its end, or when the ring has changed."""
        while page := self._page():
            work = [(held.key, task) for held in page if (task := self._task(held)) is not None]
            for chunk in (work[start : start + CHUNK] for start in range(0, len(work), CHUNK)):
                outcomes = list(pool.map(lambda each: each[1](), chunk))
                if not self._note(chunk[-1][0], outcomes):
                    return True
                if time.monotonic() >= until:
                    return False
            if not self._note(page[-1].key, []):
                return True
        self._finish()
        return True

    def _page(self) -> list[Held]:
        with self._transactions() as tx:
            rows = tx.all(
                """
                select o.key, o.size, o.sha256, o.part_size,
                       array(select node_id from replica r where r.object_key = o.key order by node_id) as replicas,
                       o.key like 'sources/%%' and not (%s and v.state = 'ready') as temporary
                from object o left join video v on v.id = o.video_id
                where o.key > %s order by o.key limit %s
                """,
                (self._keep_sources, self._position, PAGE),
            )
            shards = tx.all(
                "select object_key, number, node_id, size, sha256, key from shard where object_key = any(%s)"
                " order by object_key, number",
                ([row["key"] for row in rows],),
            )
        pieces: dict[str, list[Shard]] = {}
        for shard in shards:
            pieces.setdefault(shard.pop("object_key"), []).append(Shard(**shard))
        return [
            Held(
                **row
                | {
                    "replicas": tuple(row["replicas"]),
                    "shards": tuple(pieces.get(row["key"], ())),
                    "temporary": bool(row["temporary"]),
                }
            )
            for row in rows
        ]

    def _note(self, position: str, outcomes: list[Outcome]) -> bool:
        """Writes down how far it is; False when the ring has changed, so that the pass must begin anew."""
        waiting = [outcome.waiting for outcome in outcomes if outcome.waiting is not None]
        with self._transactions() as tx:
            tx.execute(
                "update rebalance set position = %s,"
                " seen = seen + (select count(*) from object where key > position and key <= %s),"
                " copied = copied + %s, copied_bytes = copied_bytes + %s, dropped = dropped + %s,"
                " waiting = waiting + %s, reason = coalesce(%s, reason)",
                (
                    position,
                    position,
                    sum(outcome.copied for outcome in outcomes),
                    sum(outcome.copied_bytes for outcome in outcomes),
                    sum(outcome.dropped for outcome in outcomes),
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
            for node in tx.all(
                "select id from node n where state = 'draining'"
                " and not exists (select 1 from replica where node_id = n.id)"
                " and not exists (select 1 from shard where node_id = n.id)"
                " and not exists (select 1 from upload where node_id = n.id and state = 'open')"
                " for update"
            ):
                tx.execute("update node set state = 'removed' where id = %s", (node["id"],))
                log.info("node %s is empty, and removed", node["id"])

    def _task(self, held: Held) -> Callable[[], Outcome] | None:
        """What there is to do for an object, if anything."""
        if what := moves(self._nodes, held, self._wanted):
            return Settlement(self._transactions, self._nodes, self._pace, held, what).run
        if going := shard_moves(self._nodes, held):
            return ShardMove(self._transactions, self._nodes, self._pace, held, going).run
        return None
