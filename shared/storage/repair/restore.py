"""Good bytes of an object, brought by somebody, onto the nodes that are to have it."""

import logging
from pathlib import Path

from shared.db import Transactions
from shared.objects import NodeFull, NodeUnavailable
from shared.storage.io.verify import Wanted, damage
from shared.storage.io.write import Stored, on_first, record
from shared.storage.nodes.nodes import load
from shared.storage.placement.replicate import place
from shared.storage.repair.repair import Repair

log = logging.getLogger("wadi.storage")


def restore(transactions: Transactions, wanted: Wanted, file: Path, video_id: str | None) -> list[str]:
    """Writes the file to a node, and makes from it the replicas that are damaged or missing; who has it then.

    Raises NodeFull and NodeUnavailable when no node takes it. What only some nodes refuse is left to rebalance.
    """
    with transactions() as tx:
        nodes = load(tx)
    store, info = on_first(nodes, wanted.key, wanted.size, lambda store: store.put_file(wanted.key, file))
    stored = Stored(wanted.key, info.size, wanted.sha256, store.id, video_id, wanted.part_size)
    with transactions() as tx:
        record(tx, stored)
        tx.execute("delete from lost_object where object_key = %s", (wanted.key,))
        recorded = tx.all("select node_id from replica where object_key = %s order by node_id", (wanted.key,))
    for node_id in (row["node_id"] for row in recorded):
        try:
            if found := damage(nodes.store(node_id), wanted):
                Repair(transactions, nodes, wanted, node_id, found).run()
        except NodeUnavailable as error:
            log.warning("%s", error)
    try:
        place(transactions, wanted.key)
    except (NodeFull, NodeUnavailable) as error:
        log.error("%s lacks a replica: %s", wanted.key, error)
    with transactions() as tx:
        rows = tx.all("select node_id from replica where object_key = %s order by node_id", (wanted.key,))
    return [row["node_id"] for row in rows]
