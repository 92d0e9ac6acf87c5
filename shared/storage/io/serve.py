"""An object through a function: for those whom its signed URL would not help, and compared with its checksum.

Nobody is given a byte before all of the replica is read and found good: a damaged one is passed over for the next.
"""

import logging
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple

from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable, ObjectMissing, ObjectStore
from shared.objects.base import CHUNK, Digest
from shared.storage.io.urls import one_of
from shared.storage.io.verify import Wanted
from shared.storage.nodes.nodes import Nodes, load

IN_MEMORY = 8 * CHUNK

log = logging.getLogger("wadi.storage")


class Replicas(NamedTuple):
    """An object and who has it, the one first that its signed URL leads to."""

    wanted: Wanted
    stores: list[ObjectStore]

    def first_is_whole(self) -> bool:
        """Whether the signed URL will do, as far as can be told without reading it."""
        try:
            return self.stores[0].size(self.wanted.key) == self.wanted.size
        except NodeUnavailable as error:
            log.warning("%s", error)
            return False


def replicas(tx: Transaction, key: str) -> Replicas | None:
    """None when there is no such object, or no replica of it."""
    row = tx.one(
        "select key, size, sha256, part_size,"
        " array(select node_id from replica where object_key = key order by node_id) as nodes"
        " from object where key = %s",
        (key,),
    )
    if row is None or not row["nodes"]:
        return None
    nodes: Nodes = load(tx)
    first = one_of(key, nodes.healthiest(row["nodes"]))
    order = [first, *(node_id for node_id in nodes.by_health(row["nodes"]) if node_id != first)]
    wanted = Wanted(row["key"], row["size"], row["sha256"], row["part_size"])
    return Replicas(wanted, [nodes.store(node_id) for node_id in order])


def read_good(transactions: Transactions, found: Replicas) -> IO[bytes]:
    """All bytes of the first good replica, as a file. A damaged one that is met is the next that scrub looks at.

    Raises NodeUnavailable when one that may be good does not answer, ObjectMissing when none is good.
    """
    silent: NodeUnavailable | None = None
    for store in found.stores:
        try:
            file = _verified(store, found.wanted)
        except NodeUnavailable as error:
            log.warning("%s", error)
            silent = error
            continue
        if file is not None:
            return file
        log.error("the replica of %s on %s is damaged", found.wanted.key, store.id)
        with transactions() as tx:
            tx.execute(
                "update replica_check set checked_at = '-infinity' where object_key = %s and node_id = %s",
                (found.wanted.key, store.id),
            )
    raise silent or ObjectMissing(f"{found.wanted.key} has no good replica")


class Pieces:
    """The bytes from `start` up to `end`. The file is closed with it, as servers do, also when nobody read it."""

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


def _verified(store: ObjectStore, wanted: Wanted) -> IO[bytes] | None:
    """The bytes, or None when they are not those that were stored."""
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115, it outlives this
    digest = Digest(wanted.part_size)
    try:
        for chunk in store.open(wanted.key):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() == wanted.sha256:
            return file
    except ObjectMissing:
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None
