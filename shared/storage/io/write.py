"""Objects in, and out again."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from events import VideoDeleted
from shared.db import Transaction, transaction
from shared.objects import NodeFull, NodeUnavailable, ObjectStore
from shared.outbox import publish
from shared.storage.nodes.nodes import Nodes, load

log = logging.getLogger("wadi.storage")


T = TypeVar("T")


class Stored(NamedTuple):
    """An object whose bytes are durable on one node. Nothing knows of it until it is recorded."""

    key: str
    size: int
    sha256: str
    node_id: str
    video_id: str | None = None
    part_size: int | None = None


def store_file(key: str, path: Path, video_id: str | None) -> Stored:
    """Writes the first replica: on the first node of the key's order that takes it. Writes nothing to the database.

    Raises NodeFull or NodeUnavailable when no node takes it.
    """
    with transaction() as tx:
        nodes = load(tx)
    store, info = on_first(nodes, key, path.stat().st_size, lambda store: store.put_file(key, path))
    return Stored(key, info.size, info.sha256, store.id, video_id, info.part_size)


def on_first(nodes: Nodes, key: str, size: int, begin: Callable[[ObjectStore], T]) -> tuple[ObjectStore, T]:
    """Calls `begin` with the nodes of the key's order that have room for `size` bytes, until one takes it.

    Raises NodeFull or NodeUnavailable when none does.
    """
    refused: NodeFull | NodeUnavailable = NodeUnavailable("there is no node that takes objects")
    for store in nodes.order(key):
        try:
            free = store.free()
            if free is not None and free < size:
                raise NodeFull(f"{size} bytes are needed and {free} are free")
            return store, begin(store)
        except (NodeFull, NodeUnavailable) as error:
            log.warning("%s goes not to %s: %s", key, store.id, error)
            refused = error
    raise refused


def record(tx: Transaction, stored: Stored) -> None:
    """Writes the rows of a stored object. Replicas of other bytes under the same key no longer count.

    What comes for a video that was deleted is noted for removal instead.
    """
    video = tx.one("select state from video where id = %s for share", (stored.video_id,))
    if video is not None and video["state"] == "deleted":
        forget_stored(tx, [stored])
        return
    before = tx.one("select sha256 from object where key = %s for update", (stored.key,))
    tx.execute(
        """
        insert into object (key, video_id, size, sha256, part_size) values (%s, %s, %s, %s, %s)
        on conflict (key) do update
            set video_id = excluded.video_id, size = excluded.size,
                sha256 = excluded.sha256, part_size = excluded.part_size
        """,
        (stored.key, stored.video_id, stored.size, stored.sha256, stored.part_size),
    )
    if before is not None and before["sha256"] != stored.sha256:
        tx.execute("delete from replica where object_key = %s", (stored.key,))
    record_replica(tx, stored.key, stored.node_id)


def forget_stored(tx: Transaction, stored: Iterable[Stored]) -> None:
    """Notes that what was stored for a deleted video, and came too late to be recorded, is to go.

    remove_video_files may have been there before: it is told again, else the bytes would wait for finish_removals.
    """
    late = list(stored)
    for each in late:
        tx.execute(
            "insert into removal (node_id, key, video_id) values (%s, %s, %s) on conflict do nothing",
            (each.node_id, each.key, each.video_id or ""),
        )
    for video_id in {each.video_id for each in late if each.video_id}:
        publish(tx, VideoDeleted(video_id))


def record_replica(tx: Transaction, key: str, node_id: str) -> None:
    """Raises NodeUnavailable when the bytes were without a row for so long that they were removed."""
    tx.execute(
        "insert into replica (object_key, node_id) values (%s, %s) on conflict do nothing",
        (key, node_id),
    )
    claim(tx, key, node_id)


def claim(tx: Transaction, key: str, node_id: str) -> None:
    """To be called in the transaction that records bytes which were stored before: from then on they are no garbage.

    Who removes garbage holds the row that is deleted here, so one of the two comes first and the other sees it. Raises
    NodeUnavailable when the bytes were removed before.
    """
    suspected = tx.execute("delete from garbage where node_id = %s and key = %s and upload = ''", (node_id, key))
    if suspected and load(tx).store(node_id).size(key) is None:
        raise NodeUnavailable(f"{key} was removed from {node_id} before it was recorded, and must be stored again")


def delete_object(tx: Transaction, key: str) -> None:
    """Removes an object from every node and from the database; that it is not there is no error.

    The bytes go before the commit: a crash in between leaves rows, and the caller's retry ends what was begun; the
    other way round nothing would know of the bytes. Raises NodeUnavailable, so that the retry comes.
    """
    nodes = load(tx)
    for replica in tx.all("select node_id from replica where object_key = %s for update", (key,)):
        nodes.store(replica["node_id"]).delete(key)
    tx.execute("delete from object where key = %s", (key,))
