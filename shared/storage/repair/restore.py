"""Good bytes of an object, brought by a caller, onto the nodes that should have it."""

import logging
from pathlib import Path

from shared.db import Transactions
from shared.objects import NodeFull, NodeUnavailable
from shared.storage.checks import note_not_lost
from shared.storage.io.write import on_first
from shared.storage.model import ObjectRef, Replica
from shared.storage.nodes.nodes import load
from shared.storage.placement.replicate import replicate
from shared.storage.records import record, replica_nodes
from shared.storage.repair.repair import Repair
from shared.storage.replicas import corruption

log = logging.getLogger("wadi.storage")


def restore(transactions: Transactions, ref: ObjectRef, file: Path) -> list[str]:
    """Writes the file to a node, and makes from it the replicas that are corrupt or missing; the nodes that then have
    it.

    Raises NodeFull and NodeUnavailable when no node takes it. What only some nodes refuse is left to rebalance.
    """
    with transactions() as tx:
        nodes = load(tx)
    store, info = on_first(nodes, ref.key, ref.size, lambda store: store.put_file(ref.key, file))
    stored = ObjectRef(ref.key, info.size, ref.sha256, ref.part_size, ref.video_id)
    with transactions() as tx:
        record(tx, Replica(stored, store.id))
        note_not_lost(tx, ref.key)
        recorded = replica_nodes(tx, ref.key)
    for node_id in recorded:
        try:
            if reason := corruption(nodes.store(node_id), ref):
                Repair(transactions, nodes, ref, node_id, reason).run()
        except NodeUnavailable as error:
            log.warning("%s", error)
    try:
        replicate(transactions, ref.key)
    except (NodeFull, NodeUnavailable) as error:
        log.error("%s lacks a replica: %s", ref.key, error)
    with transactions() as tx:
        return replica_nodes(tx, ref.key)
