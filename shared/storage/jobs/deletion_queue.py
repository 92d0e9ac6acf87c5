"""Bytes that are to go from nodes, some of which may be away: noted first, removed as soon as their node answers.

A note (`removal`) is written by the transaction that forgets the object, so nothing is forgotten that is still there,
and a node that comes back after months still finds out what it must not have any more.
"""

import logging

from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable
from shared.storage.nodes.nodes import load

log = logging.getLogger("wadi.storage")

BATCH = 100


def forget_objects(tx: Transaction, video_id: str) -> None:
    """Takes all objects of a video out of the database and notes what is to go from the nodes."""
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


def forget_uploads(tx: Transaction, video_id: str) -> None:
    """Notes that the parts of open uploads of a video are to go, and what a completion may have made of them. To be
    called before the uploads are aborted."""
    tx.execute(
        """
        insert into removal (node_id, key, multipart_id, video_id)
        select node_id, object_key, coalesce(multipart_id, ''), video_id from upload
        where video_id = %s and state = 'open' on conflict do nothing
        """,
        (video_id,),
    )


def remove_forgotten(transaction: Transactions, video_id: str | None = None) -> int:
    """Removes what is noted, of one video or of all, from every node that answers; how many notes are left."""
    only = "true" if video_id is None else "video_id = %(video)s"
    params = {"video": video_id, "batch": BATCH}
    with transaction() as tx:
        waiting = tx.all(f"select distinct node_id from removal where {only}", params)  # noqa: S608, ours
    for row in waiting:
        while _remove_some(transaction, only, {**params, "node": row["node_id"]}):
            pass
    with transaction() as tx:
        left = tx.one(f"select count(*) as notes from removal where {only}", params)  # noqa: S608, ours
    assert left is not None
    return int(left["notes"])


def _remove_some(transaction: Transactions, only: str, params: dict[str, object]) -> bool:
    """Removes a batch from one node; whether there may be more that can go now."""
    with transaction() as tx:
        rows = tx.all(
            f"select node_id, key, multipart_id from removal where node_id = %(node)s and {only}"  # noqa: S608, ours
            " limit %(batch)s for update skip locked",
            params,
        )
        done: list[tuple[str, str, str]] = []
        try:
            if rows:
                store = load(tx).store(str(params["node"]))
            for row in rows:
                if row["multipart_id"]:
                    store.forget_multipart(row["key"], row["multipart_id"])
                store.delete(row["key"])
                done.append((row["node_id"], row["key"], row["multipart_id"]))
        except NodeUnavailable as error:
            log.warning("what was deleted stays on %s for now: %s", params["node"], error)
            tx.execute(
                f"update removal set tried_at = now(), trouble = %(trouble)s where node_id = %(node)s and {only}",  # noqa: S608
                {**params, "trouble": str(error)[:500]},
            )
        if done:
            tx.execute("delete from removal where (node_id, key, multipart_id) in %s", (tuple(done),))
    return len(done) == BATCH
