"""Makes a damaged replica anew, from any good copy that a node has."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from events import ObjectLost, ObjectRepaired
from shared.db import Transaction, Transactions
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectError, ObjectMissing, ObjectStore
from shared.outbox import publish
from shared.storage.io.verify import UNPACED, Wanted, damage
from shared.storage.io.write import record_replica
from shared.storage.jobs.throttle import Pace
from shared.storage.nodes.nodes import Nodes
from shared.storage.placement.replicate import place

log = logging.getLogger("wadi.storage")


class Outcome(Enum):
    REPAIRED = "repaired"
    LOST = "lost"  # no copy is good, and every node was asked
    UNDECIDED = "undecided"  # a node that may have a good copy, or should take it, does not answer or is full
    GONE = "gone"  # the object was deleted meanwhile


class Repair:
    def __init__(
        self,
        transactions: Transactions,
        nodes: Nodes,
        wanted: Wanted,
        node_id: str,
        found: str,
        pace: Pace = UNPACED,
    ) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._wanted = wanted
        self._node_id = node_id
        self._damage = found
        self._pace = pace
        self._unasked = False

    def run(self) -> Outcome:
        with self._transactions() as tx:
            if not self._is_recorded(tx):
                return Outcome.GONE
        try:
            repaired = self._copied_from_another()
        except (NodeFull, NodeUnavailable) as error:
            log.error("%s on %s is damaged (%s) and cannot be repaired there: %s", *self._names(), error)
            return self._moved_elsewhere()
        if repaired:
            return self._note_repaired()
        if self._unasked:
            log.error("%s on %s is damaged (%s); nodes that may have a good copy do not answer", *self._names())
            return Outcome.UNDECIDED
        return self._note_lost()

    def _names(self) -> tuple[str, str, str]:
        return self._wanted.key, self._node_id, self._damage

    def _copied_from_another(self) -> bool:
        """Whether some other copy was good. What is written is compared on its way, so only good bytes replace these.

        Every node is asked, also those that are not recorded to have it: a copy that somebody forgot is a copy.
        """
        target = self._nodes.store(self._node_id)
        for node in sorted(self._nodes, key=lambda node: not node.counts):
            if node.id == self._node_id:
                continue
            try:
                if node.store.size(self._wanted.key) != self._wanted.size:
                    continue
                target.put(
                    self._wanted.key,
                    self._bytes_of(node.store),
                    sha256=self._wanted.sha256,
                    part_size=self._wanted.part_size,
                )
            except (_Unreadable, ChecksumMismatch) as error:
                log.error("the copy of %s on %s is no good either: %s", self._wanted.key, node.id, error)
            except NodeUnavailable as error:
                target.check()  # if it is the target that fails, that is to be said
                log.warning("%s", error)
                self._unasked = self._unasked or node.state != "removed"
            else:
                return True
        return False

    def _bytes_of(self, store: ObjectStore) -> Iterator[bytes]:
        try:
            for chunk in store.open(self._wanted.key):
                self._pace.spend(len(chunk))
                yield chunk
        except ObjectMissing as error:
            raise _Unreadable(str(error)) from error
        except NodeUnavailable as error:
            self._unasked = True
            raise _Unreadable(str(error)) from error

    def _moved_elsewhere(self) -> Outcome:
        """When its node takes no bytes: another node gets the replica, if there is a good one to make it from."""
        with self._transactions() as tx:
            others = [
                row["node_id"]
                for row in tx.all(
                    "select node_id from replica where object_key = %s and node_id <> %s",
                    (self._wanted.key, self._node_id),
                )
            ]
        if not any(self._is_good(node_id) for node_id in others):
            return Outcome.UNDECIDED
        with self._transactions() as tx:
            there = self._is_recorded(tx)
            if not there:
                return Outcome.GONE
            tx.execute("delete from replica where object_key = %s and node_id = %s", (self._wanted.key, self._node_id))
        try:
            with suppress(NodeUnavailable):
                self._nodes.store(self._node_id).delete(self._wanted.key)
            place(self._transactions, self._wanted.key)
        except ObjectError as error:  # rebalance goes on trying
            log.error("%s lacks a replica: %s", self._wanted.key, error)
            return Outcome.UNDECIDED
        with self._transactions() as tx:
            tx.execute("update scrub set repaired = repaired + 1")
            publish(tx, ObjectRepaired(self._wanted.key, there["video_id"], self._node_id, self._damage))
        return Outcome.REPAIRED

    def _is_good(self, node_id: str) -> bool:
        try:
            return damage(self._nodes.store(node_id), self._wanted, self._pace) is None
        except NodeUnavailable:
            return False

    def _note_repaired(self) -> Outcome:
        with self._transactions() as tx:
            there = self._is_recorded(tx)
            if there:
                record_replica(tx, self._wanted.key, self._node_id)
                self._note_checked(tx)
                tx.execute("update scrub set repaired = repaired + 1")
                tx.execute("delete from lost_object where object_key = %s", (self._wanted.key,))
                publish(tx, ObjectRepaired(self._wanted.key, there["video_id"], self._node_id, self._damage))
        if not there:  # deleted meanwhile: its new copy must not stay behind
            self._nodes.store(self._node_id).delete(self._wanted.key)
            return Outcome.GONE
        log.warning("%s on %s was damaged (%s) and is repaired", *self._names())
        return Outcome.REPAIRED

    def _note_lost(self) -> Outcome:
        reason = f"{self._damage} on {self._node_id}, and no other node has a good copy"
        with self._transactions() as tx:
            there = self._is_recorded(tx)
            if not there:
                return Outcome.GONE
            if tx.one("select 1 as there from shard where object_key = %s limit 1", (self._wanted.key,)):
                tx.execute(
                    "delete from replica where object_key = %s and node_id = %s", (self._wanted.key, self._node_id)
                )
                return Outcome.GONE  # its shards are the object
            self._note_checked(tx)
            if tx.execute(
                "insert into lost_object (object_key, reason) values (%s, %s) on conflict do nothing",
                (self._wanted.key, reason),
            ):
                publish(tx, ObjectLost(self._wanted.key, there["video_id"], reason))
        log.error("%s is lost: %s", self._wanted.key, reason)
        return Outcome.LOST

    def _is_recorded(self, tx: Transaction) -> dict[str, Any] | None:
        """The object as long as it is the same one and is to be on this node; it cannot go while this is known."""
        return tx.one(
            "select o.video_id from object o join replica r on r.object_key = o.key"
            " where o.key = %s and o.sha256 = %s and r.node_id = %s for share",
            (self._wanted.key, self._wanted.sha256, self._node_id),
        )

    def _note_checked(self, tx: Transaction) -> None:
        tx.execute(
            "update replica_check set checked_at = now() where object_key = %s and node_id = %s",
            (self._wanted.key, self._node_id),
        )


class _Unreadable(ObjectError):
    """A copy that cannot be read to its end."""
