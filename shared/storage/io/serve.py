"""An object through a function: for clients that its signed URL does not help, and compared with its checksum.

No byte is sent before the whole replica is read and found to be good; a corrupt one is passed over for the next.
"""

import logging
from collections.abc import Iterator
from typing import IO, NamedTuple

from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable, ObjectStore
from shared.objects.base import CHUNK
from shared.storage.checks import check_replica_next
from shared.storage.io.urls import one_of
from shared.storage.model import ObjectRef
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.records import find_object, replica_nodes
from shared.storage.replicas import BadReplica, NoGoodReplica, first_good, is_there, spool

log = logging.getLogger("wadi.storage")


class Replicas(NamedTuple):
    """An object and the stores that have it; the first is the one that its signed URL leads to."""

    object: ObjectRef
    stores: list[ObjectStore]

    def first_is_there(self) -> bool:
        """Whether the signed URL will do, as far as can be told without reading the bytes."""
        try:
            return is_there(self.stores[0], self.object)
        except NodeUnavailable as error:
            log.warning("%s", error)
            return False


def replicas(tx: Transaction, key: str) -> Replicas | None:
    """None when there is no such object, or no replica of it."""
    ref, having = find_object(tx, key), replica_nodes(tx, key)
    if ref is None or not having:
        return None
    nodes: Nodes = load(tx)
    first = one_of(key, nodes.healthiest(having))
    order = [first, *(node_id for node_id in nodes.by_health(having) if node_id != first)]
    return Replicas(ref, [nodes.store(node_id) for node_id in order])


def read_good(transactions: Transactions, found: Replicas) -> IO[bytes]:
    """A file with all bytes of the first good replica. A corrupt one that is met is the next that scrub checks.

    Raises NodeUnavailable when one that may be good does not answer, ObjectMissing when none is good.
    """

    def check_next(store: ObjectStore, error: BadReplica) -> None:
        if error.node_error is None:
            with transactions() as tx:
                check_replica_next(tx, found.object.key, store.id)

    try:
        return first_good(found.object, found.stores, lambda store: spool(store, found.object), check_next)
    except NoGoodReplica as error:
        if error.node_error is not None:
            raise error.node_error from error
        raise


class FileRange:
    """The bytes of a file from `start` up to, not including, `end`, as the body of a response.

    The file is closed at the end, and by `close`, which servers call also when nobody has read the body.
    """

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file = file
        self._left = end - start
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while self._left and (data := self._file.read(min(CHUNK, self._left))):
                self._left -= len(data)
                yield data

    def close(self) -> None:
        self._file.close()
