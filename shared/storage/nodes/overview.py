"""The nodes as administrators see them: what each holds, its share, and how far the rebalancing is."""

from datetime import datetime

from msgspec import Struct

from shared import coordination
from shared.config import ConfigError
from shared.db import Transaction
from shared.objects import NodeUnavailable
from shared.storage.nodes.nodes import Node, Nodes, load
from shared.storage.nodes.state import NodeState


class NodeView(Struct):
    """`share`: the part of all objects that is to come here. `free`: bytes, null where there is no such limit or no
    answer. `health`: ok, suspect (it does not answer) or lost (for so long that its replicas are made anew)."""

    id: str
    kind: str
    location: str
    zone: str
    weight: float
    state: str
    health: str
    share: float
    objects: int
    shards: int
    bytes: int
    free: int | None


class RebalanceView(Struct):
    """`state`: idle, running, or waiting (for a node that cannot take what belongs there: see `reason`)."""

    state: str
    objects: int
    seen: int
    copied: int
    copied_bytes: int
    dropped: int
    waiting: int
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None


class Overview(Struct):
    epoch: int
    nodes: list[NodeView]
    rebalance: RebalanceView


def overview(tx: Transaction) -> Overview:
    nodes = load(tx)
    views = _views(tx, nodes)
    return Overview(
        coordination.epoch(tx),
        [each for each in views if each.state != NodeState.REMOVED or each.objects or each.shards],
        _progress(tx),
    )


def view(tx: Transaction, node_id: str) -> NodeView:
    return next(each for each in _views(tx, load(tx)) if each.id == node_id)


class Usage(Struct):
    """What a node holds by the database."""

    node_id: str
    objects: int = 0
    shards: int = 0
    bytes: int = 0


def usage(tx: Transaction) -> dict[str, Usage]:
    """By node; nodes that hold nothing are left out."""
    rows = tx.all(
        Usage,
        """
        select node_id, count(*) filter (where not shard) as objects, count(*) filter (where shard) as shards,
               sum(size)::bigint as bytes
        from (select node_id, false as shard, o.size from replica join object o on o.key = object_key
              union all select node_id, true, size from shard) held
        group by node_id
        """,
    )
    return {row.node_id: row for row in rows}


def _views(tx: Transaction, nodes: Nodes) -> list[NodeView]:
    held, share = usage(tx), nodes.share()
    found = []
    for node in nodes:
        used = held.get(node.id) or Usage(node.id)
        found.append(
            NodeView(
                node.id,
                node.kind,
                node.location,
                node.zone,
                node.weight,
                node.state,
                "lost" if node.lost else "suspect" if node.suspect else "ok",
                share[node.id],
                used.objects,
                used.shards,
                used.bytes,
                free_bytes(node),
            )
        )
    return found


def free_bytes(node: Node) -> int | None:
    """None where there is no limit, or no answer."""
    if node.suspect or node.state is NodeState.REMOVED:
        return None
    try:
        return node.store.free()
    except (NodeUnavailable, ConfigError):
        return None


class _Pass(Struct):
    epoch: int
    objects: int
    seen: int
    copied: int
    copied_bytes: int
    dropped: int
    waiting: int
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None


def _progress(tx: Transaction) -> RebalanceView:
    row = tx.one(_Pass, "select * from rebalance")
    assert row is not None, "the migration made the row"
    done = row.finished_at is not None and row.epoch == coordination.epoch(tx)
    return RebalanceView(
        ("waiting" if row.waiting else "idle") if done else "running",
        row.objects,
        row.seen,
        row.copied,
        row.copied_bytes,
        row.dropped,
        row.waiting,
        row.reason,
        row.started_at,
        row.finished_at,
    )
