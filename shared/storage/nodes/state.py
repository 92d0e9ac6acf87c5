"""The states of a node, and everything that writes the table `node`.

                 add                      start_draining            remove_emptied
    (no row) ─────────▶ active ◀────────▶ draining ────────▶ removed
                           └────────── remove ──────────────────▲

`activate` takes a draining or removed node back. Beside its state, a node is suspect while it does not answer, and lost
when it has not answered for so long that its objects get new replicas elsewhere. Every change that matters to the ring
changes its epoch (a trigger), so a statement that changes nothing must not be sent.
"""

from collections.abc import Collection
from enum import StrEnum

from shared.db import Transaction
from shared.storage.nodes.location import NodeLocation


class NodeState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"  # it is being emptied
    REMOVED = "removed"


def insert(tx: Transaction, node_id: str, location: NodeLocation) -> None:
    """A new node, which is active; one that was known under this id is now at this location."""
    tx.execute(
        "insert into node (id, kind, location, options) values (%s, %s, %s, %s)"
        " on conflict (id) do update"
        " set kind = excluded.kind, location = excluded.location, options = excluded.options",
        (node_id, location.kind, location.location, tx.json(location.options)),
    )


def forget_location(tx: Transaction, location: str, *, except_for: str = "") -> None:
    """The node that was at this location, if another than `except_for`, is not there any more."""
    tx.execute(
        "update node set location = 'missing:' || id where location = %s and id <> %s",
        (location, except_for),
    )


def activate(tx: Transaction, node_id: str, weight: float, zone: str) -> None:
    tx.execute(
        "update node set state = %s, weight = %s, zone = %s, suspect_since = null, lost_at = null where id = %s",
        (NodeState.ACTIVE, weight, zone, node_id),
    )


def set_weight(tx: Transaction, node_id: str, weight: float, zone: str) -> None:
    tx.execute("update node set weight = %s, zone = %s where id = %s", (weight, zone, node_id))


def start_draining(tx: Transaction, node_id: str) -> None:
    tx.execute("update node set state = %s where id = %s", (NodeState.DRAINING, node_id))


def remove(tx: Transaction, node_id: str) -> None:
    tx.execute("update node set state = %s where id = %s", (NodeState.REMOVED, node_id))


def remove_emptied(tx: Transaction) -> list[str]:
    """Removes the draining nodes that hold nothing any more; their ids."""
    emptied = tx.values(
        str,
        "select id from node n where state = %s"
        " and not exists (select 1 from replica where node_id = n.id)"
        " and not exists (select 1 from shard where node_id = n.id)"
        " and not exists (select 1 from upload where node_id = n.id and state = 'open')"
        " for update",
        (NodeState.DRAINING,),
    )
    for node_id in emptied:
        remove(tx, node_id)
    return emptied


def mark_answering(tx: Transaction, node_ids: Collection[str]) -> None:
    if node_ids:
        tx.execute("update node set suspect_since = null, lost_at = null where id = any(%s)", (list(node_ids),))


def mark_suspect(tx: Transaction, node_ids: Collection[str]) -> None:
    if node_ids:
        tx.execute("update node set suspect_since = now() where id = any(%s)", (list(node_ids),))


def mark_lost(tx: Transaction, node_ids: Collection[str]) -> None:
    if node_ids:
        tx.execute("update node set lost_at = now() where id = any(%s)", (list(node_ids),))
