"""Sources in: how ffmpeg reads an object that may be in a bucket.

On a disk of this machine it is the file itself. In a bucket it is read through here: ffmpeg is given an address on
loopback, and each range that it asks for is read from a replica, or from the next one where that breaks off.

Not the signed URL: to ffmpeg a store that fails is where the file ends, and half a video would be published as a whole
one. Here it is known, and `check` says so. Not a download: each segment needs only its own part of a file of 100 GB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.db import Transactions
from shared.objects import NodeUnavailable, ObjectMissing, ObjectStore
from shared.storage.nodes.nodes import load

if TYPE_CHECKING:
    from shared.storage.io.range_server import Relay


class Source:
    """`path` is what ffmpeg reads: a path, or a URL."""

    def __init__(self, path: str, relay: "Relay | None" = None) -> None:
        self.path = path
        self._relay = relay

    def check(self) -> None:
        """Raises NodeUnavailable when not all that was asked for could be read: what came of it is worth nothing."""
        if self._relay is not None and self._relay.trouble is not None:
            raise NodeUnavailable(f"the source broke off: {self._relay.trouble}") from self._relay.trouble


@contextmanager
def source(transaction: Transactions, key: str) -> Iterator[Source]:
    """The source, readable for as long as the block lasts. Whatever the block makes of it is checked at its end.

    Raises ObjectMissing when it is lost for good, NodeUnavailable when a node that may have it does not answer.
    """
    found = _replicas(transaction, key)
    if isinstance(found, Path):
        yield Source(str(found))
        return
    from shared.storage.io.range_server import Relay  # only here: a server is much to import for a cold start

    stores, size = found
    with Relay(key, stores, size) as relay:
        made = Source(relay.url, relay)
        try:
            yield made
        except Exception:
            made.check()  # the more likely cause of it
            raise
        made.check()


def _replicas(transaction: Transactions, key: str) -> "Path | tuple[list[ObjectStore], int]":
    with transaction() as tx:
        row = tx.one("select size from object where key = %s", (key,))
        replicas = [r["node_id"] for r in tx.all("select node_id from replica where object_key = %s", (key,))]
        nodes = load(tx)
    stores: list[ObjectStore] = []
    unavailable: NodeUnavailable | None = None
    for node_id in nodes.by_health(replicas) if row else []:
        try:
            store = nodes.store(node_id)
            if store.size(key) != row["size"]:  # type: ignore[index]  # without a row there are no replicas
                continue
            if path := store.local_path(key):
                return path
        except NodeUnavailable as error:
            unavailable = error
            continue
        stores.append(store)
    if stores and row:
        return stores, row["size"]
    if unavailable is not None:
        raise unavailable
    raise ObjectMissing(f"The file {key} is no longer in the storage.")
