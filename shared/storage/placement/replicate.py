"""The replicas of an object."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from shared.config import integer
from shared.db import Transactions
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectError, ObjectMissing, ObjectStore
from shared.storage.io.write import record_replica
from shared.storage.nodes.nodes import Nodes, load

log = logging.getLogger("wadi.storage")

_RECORDED = "select node_id from replica where object_key = %s order by placed_at, node_id"

_said: set[tuple[int, int]] = set()


class _Object(NamedTuple):
    key: str
    size: int
    sha256: str
    part_size: int | None


def place(transaction: Transactions, key: str) -> bool:
    """Copies an object until REPLICATION_FACTOR nodes have it, the nodes that the ring names first; False when there
    is no such object (any more).

    Each copy is verified as it is read, durable before it is recorded, and recorded at once, so a retry goes on where
    this ended. With fewer nodes than that, all nodes have it, which is said once and must do. Raises NodeFull or
    NodeUnavailable when nodes that should do cannot take it now, ObjectMissing when no good replica is left.
    """
    with transaction() as tx:
        row = tx.one("select key, size, sha256, part_size from object where key = %s", (key,))
        if row is None:
            return False
        nodes = load(tx)
        recorded = [r["node_id"] for r in tx.all(_RECORDED, (key,))]
    return _Placement(transaction, nodes, _Object(**row), recorded).run()


class _SourceBroken(Exception):
    """A replica that cannot be read to its end, or is not what was stored."""


class _Placement:
    """One object on its way to its nodes."""

    def __init__(self, transaction: Transactions, nodes: Nodes, wanted: _Object, recorded: list[str]) -> None:
        self._transaction = transaction
        self._nodes = nodes
        self._object = wanted
        self._sound = [node_id for node_id in recorded if self._is_sound(node_id)]
        self._refused: dict[str, ObjectError] = {}

    def run(self) -> bool:
        count = replicas_wanted(self._nodes)
        while len(self._sound) < count:
            store = self._next()
            try:
                self._copy_to(store)
            except (NodeFull, NodeUnavailable) as error:
                log.warning("%s has no replica on %s: %s", self._object.key, store.id, error)
                self._refused[store.id] = error
                continue
            if not self._record(store):
                return False
            self._sound.append(store.id)
        return True

    def _next(self) -> ObjectStore:
        """The next node by the ring that has no replica and has not refused one."""
        store = self._nodes.next_home(self._object.key, self._sound, self._refused)
        if store is None:
            raise next(iter(self._refused.values()))
        return store

    def _copy_to(self, store: ObjectStore) -> None:
        while self._sound:
            origin = self._sound[0]
            try:
                wanted = self._object
                if not store.copy_from(self._nodes.store(origin), wanted.key, wanted.sha256, wanted.part_size):
                    store.put(wanted.key, self._bytes_of(origin), sha256=wanted.sha256, part_size=wanted.part_size)
            except (_SourceBroken, ChecksumMismatch) as error:
                log.error("the replica of %s on %s is broken: %s", self._object.key, origin, error)
                self._sound.remove(origin)  # so it will be written anew, from a good one
            else:
                return
        raise ObjectMissing(f"{self._object.key} has no good replica left")

    def _bytes_of(self, node_id: str) -> Iterator[bytes]:
        try:
            yield from self._nodes.store(node_id).open(self._object.key)
        except (ObjectMissing, NodeUnavailable) as error:
            raise _SourceBroken(str(error)) from error

    def _record(self, store: ObjectStore) -> bool:
        with self._transaction() as tx:
            if tx.one(
                "select 1 as there from object where key = %s and sha256 = %s for share",
                (self._object.key, self._object.sha256),
            ):
                record_replica(tx, self._object.key, store.id)
                return True
        store.delete(self._object.key)  # deleted meanwhile: its new copy must not stay behind
        return False

    def _is_sound(self, node_id: str) -> bool:
        try:
            return self._nodes.store(node_id).size(self._object.key) == self._object.size
        except NodeUnavailable as error:
            log.warning("%s: %s", self._object.key, error)
            return False


def replicas_wanted(nodes: Nodes) -> int:
    """REPLICATION_FACTOR, or as many as there are nodes."""
    factor, count = integer("REPLICATION_FACTOR", minimum=1), len(nodes.active())
    if factor > count and (factor, count) not in _said:
        _said.add((factor, count))
        log.warning("REPLICATION_FACTOR is %d and there are %d nodes: every node has one replica.", factor, count)
    return min(factor, count)
