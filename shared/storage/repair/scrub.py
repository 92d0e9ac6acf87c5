"""Compares replicas and shards with their checksums, and rebuilds the corrupt ones.

What was checked the longest ago comes first, at a limited rate, so that everything is read once in SCRUB_EVERY_DAYS.
Only one process does it at a time, under a lock, and every transaction checks the lock's fence.
"""

import logging
import time
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from events import ObjectLost
from shared.config import integer
from shared.db import Transaction, Transactions
from shared.objects import NodeFull, NodeUnavailable, ObjectMissing
from shared.outbox import publish
from shared.storage.checks import (
    count_checked,
    count_lost,
    count_repaired,
    note_lost,
    note_not_lost,
    note_replica_checked,
    note_shard_checked,
)
from shared.storage.erasure.read import rebuild_shard
from shared.storage.model import ObjectRef
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.repair.repair import Repair, RepairResult
from shared.storage.replicas import corruption
from shared.storage.throttle import UNTHROTTLED, Throttle
from shared.telemetry import metrics

BATCH = 50

log = logging.getLogger("wadi.storage")

_DUE_BEFORE = "greatest(now() - make_interval(days => %(days)s), (select asked_at from scrub))"
_REPLICAS = f"""
    select c.checked_at, c.node_id, o.key, o.key as object_key, null::int as number, o.size, o.sha256, o.part_size
    from replica_check c join object o on o.key = c.object_key where c.checked_at < {_DUE_BEFORE}
"""  # noqa: S608, all of it is written here
_SHARDS = f"""
    select c.checked_at, s.node_id, s.key, s.object_key, s.number, s.size, s.sha256, null::bigint as part_size
    from shard_check c join shard s using (object_key, number) where c.checked_at < {_DUE_BEFORE}
"""  # noqa: S608
_ON_NODES_NOT_LOST = "join node n on n.id = d.node_id and n.state <> 'removed' and n.lost_at is null"


class _Due(Struct):
    """A replica of an object, or, with a number, a shard of it; `key`, `size`, … are of what should be on the node."""

    key: str
    size: int
    sha256: str
    part_size: int | None
    node_id: str
    object_key: str
    number: int | None

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.key, self.size, self.sha256, self.part_size)


class Progress(Struct):
    due: int  # replicas and shards
    due_bytes: int
    checked: int  # since ever, as all below
    checked_bytes: int
    damaged: int
    repaired: int
    asked_at: datetime | None
    worked_at: datetime | None
    oldest_check: datetime | None


def scrub(transactions: Transactions, seconds: float) -> bool:
    """Works for about so long, under a lock that the caller holds and `transactions` check; True when nothing is due
    any more."""
    return _Scrub(transactions, seconds).run()


def check_all_again(tx: Transaction) -> None:
    """Has everything checked again that is there now."""
    tx.execute("update scrub set asked_at = now()")


def progress(tx: Transaction) -> Progress:
    row = tx.one(
        Progress,
        "select s.*, found.*, least((select min(checked_at) from replica_check),"  # noqa: S608
        " (select min(checked_at) from shard_check)) as oldest_check from scrub s,"
        " (select count(*) as due, coalesce(sum(size), 0)::bigint as due_bytes"
        f" from ({_REPLICAS} union all {_SHARDS}) d {_ON_NODES_NOT_LOST}) found",
        {"days": integer("SCRUB_EVERY_DAYS")},
    )
    assert row is not None, "the migration made the row"
    return row


class _Batch(NamedTuple):
    nodes: Nodes
    due: list[_Due]


class _Scrub:
    def __init__(self, transactions: Transactions, seconds: float) -> None:
        self._transactions = transactions
        self._until = time.monotonic() + seconds
        self._throttle = Throttle(integer("SCRUB_BYTES_PER_SECOND"))
        self._largest = integer("SCRUB_BYTES_PER_SECOND") * seconds / 2
        self._silent: set[str] = set()  # nodes that did not answer
        self._undecided: set[str] = set()  # objects that wait for such a node

    def run(self) -> bool:
        for kind in (_REPLICAS, _SHARDS):
            while (batch := self._batch(kind)).due:
                for each in batch.due:
                    if each.node_id not in self._silent:
                        self._check(batch.nodes, each)
                    if time.monotonic() >= self._until:
                        return False
        with self._transactions() as tx:
            tx.execute("update scrub set worked_at = now()")
            lost = count_lost(tx)
        metrics.LOST_OBJECTS.set(lost)
        return True

    def _batch(self, kind: str) -> _Batch:
        with self._transactions() as tx:
            due = tx.all(
                _Due,
                f"select d.* from ({kind}) d {_ON_NODES_NOT_LOST}"  # noqa: S608
                " where d.node_id <> all(%(silent)s) and d.object_key <> all(%(undecided)s)"
                " order by d.checked_at limit %(batch)s",
                {
                    "days": integer("SCRUB_EVERY_DAYS"),
                    "silent": list(self._silent),
                    "undecided": list(self._undecided),
                    "batch": BATCH,
                },
            )
            return _Batch(load(tx), due)

    def _check(self, nodes: Nodes, due: _Due) -> None:
        throttle = self._throttle_for(due.size)
        try:
            reason = corruption(nodes.store(due.node_id), due.ref, throttle)
        except NodeUnavailable as error:
            log.warning("not checked: %s", error)
            self._silent.add(due.node_id)
            return
        metrics.SCRUBBED.labels("damaged" if reason else "good").inc()
        metrics.SCRUBBED_BYTES.inc(due.size)
        self._note(due, reason)
        if reason:
            if due.number is None:
                result = Repair(self._transactions, nodes, due.ref, due.node_id, reason, throttle).run()
            else:
                result = self._rebuild(due, due.number, reason)
            metrics.REPAIRS.labels(result.value).inc()
            if result is RepairResult.UNDECIDED:
                self._undecided.add(due.object_key)

    def _rebuild(self, due: _Due, number: int, reason: str) -> RepairResult:
        """Rebuilds a shard from four others."""
        try:
            rebuilt = rebuild_shard(self._transactions, due.object_key, number)
        except (NodeUnavailable, NodeFull) as error:
            log.error("%s on %s is corrupt and cannot be rebuilt now: %s", due.key, due.node_id, error)
            return RepairResult.UNDECIDED
        except ObjectMissing:
            return self._note_lost(due, f"{reason} on {due.node_id}, and fewer than four other shards are good")
        if not rebuilt:
            return RepairResult.GONE
        log.warning("%s on %s was corrupt (%s) and is rebuilt", due.key, due.node_id, reason)
        with self._transactions() as tx:
            self._note_checked(tx, due)
            count_repaired(tx)
            note_not_lost(tx, due.object_key)
        return RepairResult.REPAIRED

    def _note_lost(self, due: _Due, reason: str) -> RepairResult:
        with self._transactions() as tx:
            self._note_checked(tx, due)
            row = tx.one(
                _Owner,
                "select video_id, exists (select 1 from replica where object_key = key) as replicated from object"
                " where key = %s for share",
                (due.object_key,),
            )
            if row is None or row.replicated:
                return RepairResult.GONE
            if note_lost(tx, due.object_key, reason):
                publish(tx, ObjectLost(due.object_key, row.video_id, reason))
        log.error("%s is lost: %s", due.object_key, reason)
        return RepairResult.LOST

    def _throttle_for(self, size: int) -> Throttle:
        """An object so large that at this rate the time would be over before its end is read as fast as it can be."""
        return UNTHROTTLED if size > self._largest else self._throttle

    def _note(self, due: _Due, reason: str | None) -> None:
        """A corrupt one stays due until its repair is decided."""
        with self._transactions() as tx:
            if reason is None:
                self._note_checked(tx, due)
                if due.number is None:
                    note_not_lost(tx, due.object_key)
            count_checked(tx, due.size, corrupt=reason is not None)

    def _note_checked(self, tx: Transaction, due: _Due) -> None:
        if due.number is None:
            note_replica_checked(tx, due.object_key, due.node_id)
        else:
            note_shard_checked(tx, due.object_key, due.number)


class _Owner(Struct):
    video_id: str | None
    replicated: bool
