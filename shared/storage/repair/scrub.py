"""Compares replicas and shards with their checksums, and makes the damaged ones anew.

What was checked the longest ago comes first, at a set pace, so that everything is read once in SCRUB_EVERY_DAYS. Only
one process does it at a time, under a lock, and every transaction checks the lock's fence.
"""

import logging
import time
from typing import Any, NamedTuple

from events import ObjectLost
from shared import coordination
from shared.config import integer
from shared.db import Transaction, Transactions
from shared.objects import NodeFull, NodeUnavailable, ObjectMissing
from shared.outbox import publish
from shared.storage.erasure.read import rebuild_shard
from shared.storage.io.verify import UNPACED, Wanted, damage
from shared.storage.jobs.throttle import Pace
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.repair.repair import Outcome, Repair
from shared.telemetry import metrics

LOCK, LEASE_SECONDS = "scrub", 30
BATCH = 50

log = logging.getLogger("wadi.storage")

_TURN = "greatest(now() - make_interval(days => %(days)s), (select asked_at from scrub))"
_REPLICAS = f"""
    select c.checked_at, c.node_id, o.key, o.key as object_key, null::int as number, o.size, o.sha256, o.part_size
    from replica_check c join object o on o.key = c.object_key where c.checked_at < {_TURN}
"""  # noqa: S608, all of it is written here
_SHARDS = f"""
    select c.checked_at, s.node_id, s.key, s.object_key, s.number, s.size, s.sha256, null::bigint as part_size
    from shard_check c join shard s using (object_key, number) where c.checked_at < {_TURN}
"""  # noqa: S608
_ANSWERING = "join node n on n.id = d.node_id and n.state <> 'removed' and n.lost_at is null"


class _Due(NamedTuple):
    """A replica of an object, or, with a number, a shard of it. `wanted` is what should lie on the node."""

    wanted: Wanted
    node_id: str
    object_key: str
    number: int | None


class Progress(NamedTuple):
    due: int  # replicas and shards
    due_bytes: int
    checked: int  # since ever, as all below
    checked_bytes: int
    damaged: int
    repaired: int
    asked_at: Any
    worked_at: Any
    oldest_check: Any  # the one that is the longest ago


def scrub(transactions: Transactions, holder: str, seconds: float) -> bool:
    """Works for about so long; True when nothing is due any more. Raises Held, Deposed, Unavailable."""
    with coordination.lock(LOCK, holder, LEASE_SECONDS) as fence:
        fenced = fence.guard(transactions)
        return _Scrub(fenced, seconds).run()


def ask(tx: Transaction) -> None:
    """Has everything checked again that is there now."""
    tx.execute("update scrub set asked_at = now()")


def progress(tx: Transaction) -> Progress:
    row = tx.one(
        "select s.*, found.*, least((select min(checked_at) from replica_check),"  # noqa: S608
        " (select min(checked_at) from shard_check)) as oldest_check from scrub s,"
        " (select count(*) as due, coalesce(sum(size), 0)::bigint as due_bytes"
        f" from ({_REPLICAS} union all {_SHARDS}) d {_ANSWERING}) found",
        {"days": integer("SCRUB_EVERY_DAYS", minimum=1)},
    )
    assert row is not None, "the migration made the row"
    return Progress(**{name: row[name] for name in Progress._fields})


class _Scrub:
    def __init__(self, transactions: Transactions, seconds: float) -> None:
        self._transactions = transactions
        self._until = time.monotonic() + seconds
        self._pace = Pace(integer("SCRUB_BYTES_PER_SECOND"))
        self._largest = integer("SCRUB_BYTES_PER_SECOND") * seconds / 2
        self._silent: set[str] = set()  # nodes that did not answer
        self._undecided: set[str] = set()  # objects that wait for such a node

    def run(self) -> bool:
        for kind in (_REPLICAS, _SHARDS):
            while batch := self._batch(kind):
                nodes, due = batch
                for each in due:
                    if each.node_id not in self._silent:
                        self._look(nodes, each)
                    if time.monotonic() >= self._until:
                        return False
        with self._transactions() as tx:
            row = tx.one("update scrub set worked_at = now() returning (select count(*) from lost_object) as lost")
        metrics.LOST_OBJECTS.set(row["lost"] if row else 0)
        return True

    def _batch(self, kind: str) -> tuple[Nodes, list[_Due]] | None:
        with self._transactions() as tx:
            rows = tx.all(
                f"select d.* from ({kind}) d {_ANSWERING}"  # noqa: S608
                " where d.node_id <> all(%(silent)s) and d.object_key <> all(%(undecided)s)"
                " order by d.checked_at limit %(batch)s",
                {
                    "days": integer("SCRUB_EVERY_DAYS", minimum=1),
                    "silent": list(self._silent),
                    "undecided": list(self._undecided),
                    "batch": BATCH,
                },
            )
            nodes = load(tx)
        due = [
            _Due(
                Wanted(row["key"], row["size"], row["sha256"], row["part_size"]),
                row["node_id"],
                row["object_key"],
                row["number"],
            )
            for row in rows
        ]
        return (nodes, due) if due else None

    def _look(self, nodes: Nodes, due: _Due) -> None:
        pace = self._pace_of(due.wanted)
        try:
            found = damage(nodes.store(due.node_id), due.wanted, pace)
        except NodeUnavailable as error:
            log.warning("not checked: %s", error)
            self._silent.add(due.node_id)
            return
        metrics.SCRUBBED.labels("damaged" if found else "good").inc()
        metrics.SCRUBBED_BYTES.inc(due.wanted.size)
        self._note(due, found)
        if found:
            if due.number is None:
                outcome = Repair(self._transactions, nodes, due.wanted, due.node_id, found, pace).run()
            else:
                outcome = self._rebuild(due, due.number, found)
            metrics.REPAIRS.labels(outcome.value).inc()
            if outcome is Outcome.UNDECIDED:
                self._undecided.add(due.object_key)

    def _rebuild(self, due: _Due, number: int, found: str) -> Outcome:
        """Makes a shard anew from four others."""
        try:
            there = rebuild_shard(self._transactions, due.object_key, number)
        except (NodeUnavailable, NodeFull) as error:
            log.error("%s on %s is damaged and cannot be made anew now: %s", due.wanted.key, due.node_id, error)
            return Outcome.UNDECIDED
        except ObjectMissing:
            return self._note_lost(due, f"{found} on {due.node_id}, and fewer than four other shards are good")
        if not there:
            return Outcome.GONE
        log.warning("%s on %s was damaged (%s) and is made anew", due.wanted.key, due.node_id, found)
        with self._transactions() as tx:
            self._note_checked(tx, due)
            tx.execute("update scrub set repaired = repaired + 1")
            tx.execute("delete from lost_object where object_key = %s", (due.object_key,))
        return Outcome.REPAIRED

    def _note_lost(self, due: _Due, reason: str) -> Outcome:
        with self._transactions() as tx:
            self._note_checked(tx, due)
            row = tx.one(
                "select video_id, exists (select 1 from replica where object_key = key) as replicas from object"
                " where key = %s for share",
                (due.object_key,),
            )
            if row is None or row["replicas"]:
                return Outcome.GONE
            if tx.execute(
                "insert into lost_object (object_key, reason) values (%s, %s) on conflict do nothing",
                (due.object_key, reason),
            ):
                publish(tx, ObjectLost(due.object_key, row["video_id"], reason))
        log.error("%s is lost: %s", due.object_key, reason)
        return Outcome.LOST

    def _pace_of(self, wanted: Wanted) -> Pace:
        """An object so large that at this pace the time would be over before its end goes as fast as it can."""
        return UNPACED if wanted.size > self._largest else self._pace

    def _note(self, due: _Due, found: str | None) -> None:
        """A damaged one stays due until it is decided what comes of it."""
        with self._transactions() as tx:
            if found is None:
                self._note_checked(tx, due)
                if due.number is None:
                    tx.execute("delete from lost_object where object_key = %s", (due.object_key,))
            tx.execute(
                "update scrub set checked = checked + 1, checked_bytes = checked_bytes + %s, damaged = damaged + %s,"
                " worked_at = now()",
                (due.wanted.size, int(found is not None)),
            )

    def _note_checked(self, tx: Transaction, due: _Due) -> None:
        if due.number is None:
            tx.execute(
                "update replica_check set checked_at = now() where object_key = %s and node_id = %s",
                (due.object_key, due.node_id),
            )
        else:
            tx.execute(
                "update shard_check set checked_at = now() where object_key = %s and number = %s",
                (due.object_key, due.number),
            )
