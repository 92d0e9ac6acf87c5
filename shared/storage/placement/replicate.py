"""Gives an object its replicas."""

import logging

from shared.config import integer
from shared.db import Transactions
from shared.objects import NodeFull, NodeUnavailable, ObjectError, ObjectStore
from shared.storage.model import ObjectRef
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.records import find_object, record_copy
from shared.storage.replicas import copy, first_good, is_there

log = logging.getLogger("wadi.storage")

_RECORDED = "select node_id from replica where object_key = %s order by placed_at, node_id"

_warned: set[tuple[int, int]] = set()


def replicate(transaction: Transactions, key: str) -> bool:
    """Copies an object until REPLICATION_FACTOR nodes have it, the nodes that the ring names first; False when there
    is no such object (any more).

    Each copy is verified as it is read, durable before it is recorded, and recorded at once, so a retry goes on where
    this ended. With fewer nodes than that, all nodes have it, which is logged once and must do. Raises NodeFull or
    NodeUnavailable when nodes that should do cannot take it now, ObjectMissing when no good replica is left.
    """
    with transaction() as tx:
        ref = find_object(tx, key)
        if ref is None:
            return False
        nodes = load(tx)
        recorded = tx.values(str, _RECORDED, (key,))
    return _Replication(transaction, nodes, ref, recorded).run()


class _Replication:
    """One object that is being replicated."""

    def __init__(self, transaction: Transactions, nodes: Nodes, ref: ObjectRef, recorded: list[str]) -> None:
        self._transaction = transaction
        self._nodes = nodes
        self._object = ref
        self._good = [node_id for node_id in recorded if self._is_there(node_id)]
        self._refused: dict[str, ObjectError] = {}

    def run(self) -> bool:
        count = replicas_wanted(self._nodes)
        while len(self._good) < count:
            store = self._next()
            try:
                self._copy_to(store)
            except (NodeFull, NodeUnavailable) as error:
                log.warning("%s has no replica on %s: %s", self._object.key, store.id, error)
                self._refused[store.id] = error
                continue
            if not record_copy(self._transaction, self._object, store):
                return False
            self._good.append(store.id)
        return True

    def _next(self) -> ObjectStore:
        """The next node by the ring that has no replica and has not refused one."""
        store = self._nodes.next_home(self._object.key, self._good, self._refused)
        if store is None:
            raise next(iter(self._refused.values()))
        return store

    def _copy_to(self, target: ObjectStore) -> None:
        first_good(
            self._object,
            (self._nodes.store(node_id) for node_id in list(self._good)),
            lambda origin: copy(origin, target, self._object),
            # so it will be written again, from a good one
            on_bad=lambda origin, _: self._good.remove(origin.id),
        )

    def _is_there(self, node_id: str) -> bool:
        try:
            return is_there(self._nodes.store(node_id), self._object)
        except NodeUnavailable as error:
            log.warning("%s: %s", self._object.key, error)
            return False


def replicas_wanted(nodes: Nodes) -> int:
    """REPLICATION_FACTOR, or as many as there are nodes."""
    factor, count = integer("REPLICATION_FACTOR"), len(nodes.active())
    if factor > count and (factor, count) not in _warned:
        _warned.add((factor, count))
        log.warning("REPLICATION_FACTOR is %d and there are %d nodes: every node has one replica.", factor, count)
    return min(factor, count)
