"""Repairs a corrupt replica from any good copy that a node has."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum

from msgspec import Struct

from events import ObjectLost, ObjectRepaired
from shared.db import Transaction, Transactions
from shared.objects import NodeFull, NodeUnavailable, ObjectError, ObjectStore
from shared.outbox import publish
from shared.storage.checks import count_repaired, note_lost, note_not_lost, note_replica_checked
from shared.storage.model import ObjectRef
from shared.storage.nodes.nodes import Nodes
from shared.storage.nodes.state import NodeState
from shared.storage.placement.replicate import replicate
from shared.storage.records import drop_replica, record_replica
from shared.storage.replicas import BadReplica, NoGoodReplica, corruption, first_good, is_there, send
from shared.storage.throttle import UNTHROTTLED, Throttle

log = logging.getLogger("wadi.storage")


class RepairResult(Enum):
    REPAIRED = "repaired"
    LOST = "lost"  # no copy is good, and every node was asked
    UNDECIDED = "undecided"  # a node that may have a good copy, or should take it, does not answer or is full
    GONE = "gone"  # the object was deleted meanwhile


class _Recorded(Struct):
    video_id: str | None


class Repair:
    """The repair of one replica; `reason` is what is wrong with it."""

    def __init__(
        self,
        transactions: Transactions,
        nodes: Nodes,
        ref: ObjectRef,
        node_id: str,
        reason: str,
        throttle: Throttle = UNTHROTTLED,
    ) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._object = ref
        self._node_id = node_id
        self._reason = reason
        self._throttle = throttle
        self._undecided = False

    def run(self) -> RepairResult:
        with self._transactions() as tx:
            if not self._recorded(tx):
                return RepairResult.GONE
        try:
            repaired = self._copied_from_another()
        except (NodeFull, NodeUnavailable) as error:
            log.error("%s on %s is corrupt (%s) and cannot be repaired there: %s", *self._names(), error)
            return self._replace_elsewhere()
        if repaired:
            return self._finish_repaired()
        if self._undecided:
            log.error("%s on %s is corrupt (%s); nodes that may have a good copy do not answer", *self._names())
            return RepairResult.UNDECIDED
        return self._finish_lost()

    def _names(self) -> tuple[str, str, str]:
        return self._object.key, self._node_id, self._reason

    def _copied_from_another(self) -> bool:
        """Whether some other copy was good. Its checksum is compared on the way, so only good bytes replace these."""
        target = self._nodes.store(self._node_id)

        def copy_to_target(origin: ObjectStore) -> None:
            try:
                send(origin, target, self._object, self._throttle)
            except NodeUnavailable as error:
                target.check()  # raises when it is really the target that fails
                raise BadReplica(str(error), error) from error

        try:
            first_good(self._object, self._copies(), copy_to_target)
        except NoGoodReplica as error:
            self._undecided = self._undecided or error.node_error is not None
            return False
        return True

    def _copies(self) -> Iterator[ObjectStore]:
        """The other nodes that have a copy of the right size, recorded there or not: a copy whose row was lost is a
        copy."""
        for node in sorted(self._nodes, key=lambda node: not node.reliable):
            if node.id == self._node_id:
                continue
            try:
                there = is_there(node.store, self._object)
            except NodeUnavailable as error:
                log.warning("%s", error)
                self._undecided = self._undecided or node.state is not NodeState.REMOVED
                continue
            if there:
                yield node.store

    def _replace_elsewhere(self) -> RepairResult:
        """When its node takes no bytes: another node gets the replica, if there is a good one to make it from."""
        with self._transactions() as tx:
            others = tx.values(
                str,
                "select node_id from replica where object_key = %s and node_id <> %s",
                (self._object.key, self._node_id),
            )
        if not any(self._is_good(node_id) for node_id in others):
            return RepairResult.UNDECIDED
        with self._transactions() as tx:
            recorded = self._recorded(tx)
            if not recorded:
                return RepairResult.GONE
            drop_replica(tx, self._object.key, self._node_id)
        try:
            with suppress(NodeUnavailable):
                self._nodes.store(self._node_id).delete(self._object.key)
            replicate(self._transactions, self._object.key)
        except ObjectError as error:  # rebalance goes on trying
            log.error("%s lacks a replica: %s", self._object.key, error)
            return RepairResult.UNDECIDED
        with self._transactions() as tx:
            count_repaired(tx)
            publish(tx, ObjectRepaired(self._object.key, recorded.video_id, self._node_id, self._reason))
        return RepairResult.REPAIRED

    def _is_good(self, node_id: str) -> bool:
        try:
            return corruption(self._nodes.store(node_id), self._object, self._throttle) is None
        except NodeUnavailable:
            return False

    def _finish_repaired(self) -> RepairResult:
        with self._transactions() as tx:
            recorded = self._recorded(tx)
            if recorded:
                record_replica(tx, self._object.key, self._node_id)
                note_replica_checked(tx, self._object.key, self._node_id)
                count_repaired(tx)
                note_not_lost(tx, self._object.key)
                publish(tx, ObjectRepaired(self._object.key, recorded.video_id, self._node_id, self._reason))
        if not recorded:  # deleted meanwhile: its new copy must not stay behind
            self._nodes.store(self._node_id).delete(self._object.key)
            return RepairResult.GONE
        log.warning("%s on %s was corrupt (%s) and is repaired", *self._names())
        return RepairResult.REPAIRED

    def _finish_lost(self) -> RepairResult:
        reason = f"{self._reason} on {self._node_id}, and no other node has a good copy"
        with self._transactions() as tx:
            recorded = self._recorded(tx)
            if not recorded:
                return RepairResult.GONE
            if tx.exists("select 1 from shard where object_key = %s limit 1", (self._object.key,)):
                drop_replica(tx, self._object.key, self._node_id)
                return RepairResult.GONE  # its shards are the object
            note_replica_checked(tx, self._object.key, self._node_id)
            if note_lost(tx, self._object.key, reason):
                publish(tx, ObjectLost(self._object.key, recorded.video_id, reason))
        log.error("%s is lost: %s", self._object.key, reason)
        return RepairResult.LOST

    def _recorded(self, tx: Transaction) -> _Recorded | None:
        """The object as long as it is the same one and should be on this node; it cannot be deleted until `tx` ends."""
        return tx.one(
            _Recorded,
            "select o.video_id from object o join replica r on r.object_key = o.key"
            " where o.key = %s and o.sha256 = %s and r.node_id = %s for share",
            (self._object.key, self._object.sha256, self._node_id),
        )
