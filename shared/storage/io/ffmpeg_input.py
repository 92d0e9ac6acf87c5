"""Objects for ffmpeg, which may be in a bucket.

On a disk of this machine it reads the file itself. An object in a bucket it reads through a server on loopback: each
range that it asks for is read from a replica, or from the next one when that fails.

Not by the signed URL: ffmpeg takes a store that fails for the end of the file, and half a video would be published as a
whole one. The server on loopback knows about it, and `check` says so. Not by a download: each segment needs only its
own part of a file of 100 GB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.db import Transactions
from shared.objects import NodeUnavailable, ObjectMissing, ObjectStore
from shared.storage.model import ObjectRef
from shared.storage.nodes.nodes import load
from shared.storage.records import find_object, replica_nodes
from shared.storage.replicas import is_there

if TYPE_CHECKING:
    from shared.storage.io.range_server import RangeServer


class FfmpegInput:
    """`path` is what ffmpeg reads: a path, or a URL."""

    def __init__(self, path: str, server: "RangeServer | None" = None) -> None:
        self.path = path
        self._server = server

    def check(self) -> None:
        """Raises NodeUnavailable when not all that was asked for could be read: what came of it is worth nothing."""
        if self._server is not None and self._server.error is not None:
            raise NodeUnavailable(f"the source broke off: {self._server.error}") from self._server.error


@contextmanager
def ffmpeg_input(transaction: Transactions, key: str) -> Iterator[FfmpegInput]:
    """The object, readable for as long as the block lasts. At its end `check` is called.

    Raises ObjectMissing when it is lost for good, NodeUnavailable when a node that may have it does not answer.
    """
    found = _find(transaction, key)
    if isinstance(found, Path):
        yield FfmpegInput(str(found))
        return
    from shared.storage.io.range_server import RangeServer  # only here: it would slow down every cold start

    with RangeServer(found.object, found.stores) as server:
        served = FfmpegInput(server.url, server)
        try:
            yield served
        except Exception:
            served.check()  # the more likely cause of it
            raise
        served.check()


class _InBuckets(NamedTuple):
    object: ObjectRef
    stores: list[ObjectStore]


def _find(transaction: Transactions, key: str) -> Path | _InBuckets:
    with transaction() as tx:
        ref, having, nodes = find_object(tx, key), replica_nodes(tx, key), load(tx)
    if ref is None:
        raise ObjectMissing(f"The file {key} is no longer in the storage.")
    stores: list[ObjectStore] = []
    unavailable: NodeUnavailable | None = None
    for node_id in nodes.by_health(having):
        try:
            store = nodes.store(node_id)
            if not is_there(store, ref):
                continue
            if path := store.local_path(key):
                return path
        except NodeUnavailable as error:
            unavailable = error
            continue
        stores.append(store)
    if stores:
        return _InBuckets(ref, stores)
    raise unavailable or ObjectMissing(f"The file {key} is no longer in the storage.")
