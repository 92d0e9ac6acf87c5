"""The rows of objects, replicas and shards: who has what, by the database."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from events import VideoDeleted
from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable, ObjectStore
from shared.outbox import publish
from shared.storage.model import ObjectRef, Replica, Shard
from shared.storage.nodes.nodes import load


def find_object(tx: Transaction, key: str) -> ObjectRef | None:
    return tx.one(ObjectRef, "select key, size, sha256, part_size, video_id from object where key = %s", (key,))


def object_exists(tx: Transaction, key: str) -> bool:
    return tx.exists("select 1 from object where key = %s", (key,))


def is_in_use(tx: Transaction, key: str) -> bool:
    """Whether there is such an object, and its video, if it has one, is not deleted."""
    return tx.exists(
        "select 1 from object o where key = %s and not exists"
        " (select 1 from video v where v.id = o.video_id and v.state = 'deleted')",
        (key,),
    )


def replica_nodes(tx: Transaction, key: str) -> list[str]:
    """The nodes that have a replica, by id."""
    return tx.values(str, "select node_id from replica where object_key = %s order by node_id", (key,))


class _KeyAndNode(Struct):
    object_key: str
    node_id: str


def replica_nodes_of(tx: Transaction, keys: Collection[str]) -> dict[str, list[str]]:
    """As replica_nodes, for many keys; keys without a replica are left out."""
    found: dict[str, list[str]] = {}
    for row in tx.all(
        _KeyAndNode,
        "select object_key, node_id from replica where object_key = any(%s) order by object_key, node_id",
        (list(keys),),
    ):
        found.setdefault(row.object_key, []).append(row.node_id)
    return found


def shards_of(tx: Transaction, key: str) -> list[Shard]:
    return tx.all(
        Shard, "select number, node_id, size, sha256, key from shard where object_key = %s order by number", (key,)
    )


def record(tx: Transaction, replica: Replica) -> None:
    """Writes the rows of an object whose first replica was stored. Replicas of other bytes under the same key no longer
    count.

    What comes for a video that was deleted is queued for deletion instead.
    """
    ref = replica.object
    if tx.value(str, "select state from video where id = %s for share", (ref.video_id,)) == "deleted":
        discard(tx, [replica])
        return
    before = tx.value(str, "select sha256 from object where key = %s for update", (ref.key,))
    tx.execute(
        """
        insert into object (key, video_id, size, sha256, part_size) values (%s, %s, %s, %s, %s)
        on conflict (key) do update
            set video_id = excluded.video_id, size = excluded.size,
                sha256 = excluded.sha256, part_size = excluded.part_size
        """,
        (ref.key, ref.video_id, ref.size, ref.sha256, ref.part_size),
    )
    if before is not None and before != ref.sha256:
        tx.execute("delete from replica where object_key = %s", (ref.key,))
    record_replica(tx, ref.key, replica.node_id)


def discard(tx: Transaction, replicas: Iterable[Replica]) -> None:
    """Queues for deletion what was stored for a deleted video and came too late to be recorded.

    remove_video_files may have run before: its event is published again, else the bytes would wait for finish_removals.
    """
    late = list(replicas)
    for each in late:
        tx.execute(
            "insert into removal (node_id, key, video_id) values (%s, %s, %s) on conflict do nothing",
            (each.node_id, each.object.key, each.object.video_id or ""),
        )
    for video_id in {each.object.video_id for each in late if each.object.video_id}:
        publish(tx, VideoDeleted(video_id))


def record_replica(tx: Transaction, key: str, node_id: str) -> None:
    """Raises NodeUnavailable when the bytes were without a row for so long that they were removed as garbage."""
    tx.execute(
        "insert into replica (object_key, node_id) values (%s, %s) on conflict do nothing",
        (key, node_id),
    )
    claim(tx, key, node_id)


def record_copy(transactions: Transactions, ref: ObjectRef, store: ObjectStore, *, unless_frozen: bool = False) -> bool:
    """Records a new replica of an object that was known before it was copied.

    False when the object was deleted or replaced meanwhile (or, `unless_frozen`, has shards now): then the copy is
    removed from its node, since nothing else would know of it.
    """
    with transactions() as tx:
        current = tx.exists(
            "select 1 from object where key = %s and sha256 = %s"
            " and not (%s and exists (select 1 from shard where object_key = object.key)) for share",
            (ref.key, ref.sha256, unless_frozen),
        )
        if current:
            record_replica(tx, ref.key, store.id)
    if not current:
        store.delete(ref.key)
    return current


def drop_replica(tx: Transaction, key: str, node_id: str) -> None:
    tx.execute("delete from replica where object_key = %s and node_id = %s", (key, node_id))


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
    for node_id in tx.values(str, "select node_id from replica where object_key = %s for update", (key,)):
        nodes.store(node_id).delete(key)
    tx.execute("delete from object where key = %s", (key,))
