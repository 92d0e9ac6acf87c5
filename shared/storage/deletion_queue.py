"""The deletion queue: bytes that must be deleted from nodes, some of which may not answer now.

An entry (table `removal`) is written by the transaction that deletes the rows of an object, and goes once its node has
deleted the bytes. So nothing is dropped from the database that is still on a node without an entry, and a node that
comes back after months still gets to know what to delete.
"""

import logging

from msgspec import Struct

from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable
from shared.storage.nodes.nodes import load

log = logging.getLogger("wadi.storage")

BATCH = 100


class _Entry(Struct):
    node_id: str
    key: str
    multipart_id: str  # empty: an object


def queue_objects(tx: Transaction, video_id: str) -> None:
    """Takes all objects of a video out of the database and queues their bytes for deletion."""
    tx.execute("select 1 from object where video_id = %s order by key for update", (video_id,))  # no replica comes now
    tx.execute(
        """
        insert into removal (node_id, key, video_id)
        select node_id, object_key, %(video)s from replica join object on key = object_key where video_id = %(video)s
        union
        select s.node_id, s.key, %(video)s from shard s join object o on o.key = s.object_key
        where o.video_id = %(video)s
        on conflict do nothing
        """,
        {"video": video_id},
    )
    tx.execute("delete from object where video_id = %s", (video_id,))


def queue_uploads(tx: Transaction, video_id: str) -> None:
    """Queues the parts of open uploads of a video for deletion, and what a completion may have made of them.

    To be called in the transaction that aborts these uploads, before it does.
    """
    tx.execute(
        """
        insert into removal (node_id, key, multipart_id, video_id)
        select node_id, object_key, coalesce(multipart_id, ''), video_id from upload
        where video_id = %s and state = 'open' on conflict do nothing
        """,
        (video_id,),
    )


def queue_length(tx: Transaction) -> int:
    return tx.value(int, "select count(*) from removal") or 0


def delete_queued(transaction: Transactions, video_id: str | None = None) -> int:
    """Deletes what is queued, of one video or of all, from every node that answers; how many entries are left."""
    only = "true" if video_id is None else "video_id = %(video)s"
    params = {"video": video_id, "batch": BATCH}
    with transaction() as tx:
        node_ids = tx.values(str, f"select distinct node_id from removal where {only}", params)  # noqa: S608, ours
    for node_id in node_ids:
        while _delete_batch(transaction, only, {**params, "node": node_id}):
            pass
    with transaction() as tx:
        return tx.value(int, f"select count(*) from removal where {only}", params) or 0  # noqa: S608, ours


def _delete_batch(transaction: Transactions, only: str, params: dict[str, object]) -> bool:
    """Deletes a batch from one node; whether there may be more that can be deleted now."""
    with transaction() as tx:
        entries = tx.all(
            _Entry,
            f"select node_id, key, multipart_id from removal where node_id = %(node)s and {only}"  # noqa: S608, ours
            " limit %(batch)s for update skip locked",
            params,
        )
        done: list[tuple[str, str, str]] = []
        try:
            if entries:
                store = load(tx).store(str(params["node"]))
            for entry in entries:
                if entry.multipart_id:
                    store.multipart.forget(entry.key, entry.multipart_id)
                store.delete(entry.key)
                done.append((entry.node_id, entry.key, entry.multipart_id))
        except NodeUnavailable as error:
            log.warning("what was deleted stays on %s for now: %s", params["node"], error)
            tx.execute(
                f"update removal set tried_at = now(), trouble = %(error)s where node_id = %(node)s and {only}",  # noqa: S608
                {**params, "error": str(error)[:500]},
            )
        if done:
            tx.execute("delete from removal where (node_id, key, multipart_id) in %s", (tuple(done),))
    return len(done) == BATCH
