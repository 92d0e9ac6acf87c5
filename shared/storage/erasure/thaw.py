"""Brings the replicas of frozen objects back; their shards go once all replicas are there."""

import logging

from shared.db import Transactions
from shared.objects import ObjectError
from shared.storage.erasure.read import Frozen, frozen, read_frozen
from shared.storage.io.write import on_first, record_replica
from shared.storage.jobs.deletion_queue import remove_forgotten
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.placement.replicate import place

log = logging.getLogger("wadi.storage")


def thaw(transactions: Transactions, video_id: str) -> int:
    """Thaws all objects of a video; how many. What one object comes to grief with does not keep the others.

    Raises ObjectError in the end when some could not be thawed.
    """
    with transactions() as tx:
        keys = tx.all(
            "select key from object o where video_id = %s and exists (select 1 from shard where object_key = o.key)"
            " order by key",
            (video_id,),
        )
    trouble: ObjectError | None = None
    for row in keys:
        try:
            _thaw(transactions, row["key"])
        except ObjectError as error:
            log.error("%s is not thawed: %s", row["key"], error)
            trouble = error
    remove_forgotten(transactions, video_id)
    if trouble is not None:
        raise trouble
    return len(keys)


def _thaw(transactions: Transactions, key: str) -> None:
    with transactions() as tx:
        # the replicas of before may wait for their removal; who is at it is waited for here
        tx.execute("delete from removal where key = %s", (key,))
        nodes = load(tx)
        thing = frozen(tx, key)
        begun = tx.one("select 1 as there from replica where object_key = %s limit 1", (key,))
    if thing is None:
        return
    if not begun and not _first_replica(transactions, nodes, thing):
        return
    if not place(transactions, key):
        return
    with transactions() as tx:
        if not tx.one("select 1 as there from object where key = %s for update", (key,)):
            return
        tx.execute(
            "insert into removal (node_id, key, video_id) select s.node_id, s.key, coalesce(o.video_id, '')"
            " from shard s join object o on o.key = s.object_key where o.key = %s on conflict do nothing",
            (key,),
        )
        tx.execute("delete from shard where object_key = %s", (key,))


def _first_replica(transactions: Transactions, nodes: Nodes, thing: Frozen) -> bool:
    """Decodes the object onto a node; False when it was deleted meanwhile."""
    wanted = thing.wanted
    store, _ = on_first(
        nodes,
        wanted.key,
        wanted.size,
        lambda store: store.put(
            wanted.key, read_frozen(nodes, thing, afresh=True), sha256=wanted.sha256, part_size=wanted.part_size
        ),
    )
    with transactions() as tx:
        if tx.one("select 1 as there from object where key = %s for share", (wanted.key,)):
            record_replica(tx, wanted.key, store.id)
            return True
    store.delete(wanted.key)
    return False
