"""Brings the replicas of frozen objects back; their shards go once all replicas are there."""

import logging

from shared.db import Transactions
from shared.objects import ObjectError
from shared.storage.deletion_queue import delete_queued
from shared.storage.erasure.read import FrozenObject, find_frozen, read_frozen
from shared.storage.io.write import on_first
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.placement.replicate import replicate
from shared.storage.records import record_copy, replica_nodes

log = logging.getLogger("wadi.storage")


def thaw(transactions: Transactions, video_id: str) -> int:
    """Thaws all objects of a video; how many. An error with one object does not keep the others from being thawed.

    Raises ObjectError in the end when some could not be thawed.
    """
    with transactions() as tx:
        keys = tx.values(
            str,
            "select key from object o where video_id = %s and exists (select 1 from shard where object_key = o.key)"
            " order by key",
            (video_id,),
        )
    failed: ObjectError | None = None
    for key in keys:
        try:
            _thaw(transactions, key)
        except ObjectError as error:
            log.error("%s is not thawed: %s", key, error)
            failed = error
    delete_queued(transactions, video_id)
    if failed is not None:
        raise failed
    return len(keys)


def _thaw(transactions: Transactions, key: str) -> None:
    with transactions() as tx:
        # the replicas of before may wait for their deletion; who is at it is waited for here
        tx.execute("delete from removal where key = %s", (key,))
        nodes = load(tx)
        frozen = find_frozen(tx, key)
        begun = bool(replica_nodes(tx, key))
    if frozen is None:
        return
    if not begun and not _first_replica(transactions, nodes, frozen):
        return
    if not replicate(transactions, key):
        return
    with transactions() as tx:
        if not tx.exists("select 1 from object where key = %s for update", (key,)):
            return
        tx.execute(
            "insert into removal (node_id, key, video_id) select s.node_id, s.key, coalesce(o.video_id, '')"
            " from shard s join object o on o.key = s.object_key where o.key = %s on conflict do nothing",
            (key,),
        )
        tx.execute("delete from shard where object_key = %s", (key,))


def _first_replica(transactions: Transactions, nodes: Nodes, frozen: FrozenObject) -> bool:
    """Decodes the object onto a node; False when it was deleted meanwhile."""
    ref = frozen.object
    store, _ = on_first(
        nodes,
        ref.key,
        ref.size,
        lambda store: store.put(
            ref.key, read_frozen(nodes, frozen, verify=True), sha256=ref.sha256, part_size=ref.part_size
        ),
    )
    return record_copy(transactions, ref, store)
