"""Adding nodes, showing them, and refusing to remove one that is needed."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from shared import coordination
from shared.config import ConfigError, integer
from shared.db import Transaction
from shared.errors import Problem
from shared.objects import NodeUnavailable, ObjectError
from shared.objects.factory import create_store, identity_of
from shared.storage.model import NEEDED
from shared.storage.nodes.health import write_probe
from shared.storage.nodes.location import NodeLocation
from shared.storage.nodes.nodes import Node, Nodes, load
from shared.storage.nodes.register import REGISTER_LOCK, free_id
from shared.storage.nodes.state import NodeState, activate, forget_location, insert


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


def known(tx: Transaction, node_id: str) -> Node:
    """The node, whose row is locked. Raises Problem not-found."""
    tx.execute("select 1 from node where id = %s for update", (node_id,))
    node = load(tx).get(node_id)
    if node is None or node.state is NodeState.REMOVED:
        raise Problem("not-found", f"There is no node {node_id}.")
    return node


def add(tx: Transaction, location: NodeLocation, weight: float, zone: str) -> str:
    """Makes a location a node that takes objects; its id. One that was removed, or is being emptied, is taken back.

    Raises Problem when the location does not work, is a node already, or overlaps with one.
    """
    tx.execute("select pg_advisory_xact_lock(%s)", (REGISTER_LOCK,))
    nodes = list(load(tx))
    try:
        where = _normalized(location)
        own_id = identity_of(*where)
    except (ConfigError, ObjectError) as error:
        raise Problem("invalid-request", f"{location.location} cannot be a node: {error}") from error
    for other in nodes:
        if other.state is NodeState.ACTIVE and (other.id == own_id or other.location == where.location):
            raise Problem("wrong-state", f"{where.location} is the node {other.id} already, at {other.location}.")
        if other.state is not NodeState.REMOVED and other.id != own_id and _overlap(other, where):
            raise Problem("wrong-state", f"{where.location} overlaps with the node {other.id} at {other.location}.")
    node_id = own_id or next((node.id for node in nodes if node.location == where.location), None) or free_id(tx)
    try:
        write_probe(create_store(node_id, *where))
    except (ConfigError, ObjectError) as error:
        raise Problem("invalid-request", f"{where.location} cannot be a node: {error}") from error
    forget_location(tx, where.location, except_for=node_id)
    insert(tx, node_id, where)
    activate(tx, node_id, weight, zone)
    return node_id


def refuse_to_drain(tx: Transaction, node: Node) -> None:
    """Raises Problem replicas-at-risk when what the node holds has no place on the others."""
    nodes = load(tx)
    others = [each for each in nodes if each.in_ring and each.id != node.id]
    usage = _usage(tx).get(node.id) or _Usage(node.id)
    factor = integer("REPLICATION_FACTOR", minimum=1)
    stuck = usage.objects if not others or (node.in_ring and len(others) < factor <= len(nodes.active())) else 0
    if stuck:
        raise Problem(
            "replicas-at-risk",
            f"{stuck} replicas on {node.id} cannot be placed elsewhere: {len(others)} nodes would be left for"
            f" {factor} replicas of each object. Add a node first, or set REPLICATION_FACTOR={max(1, len(others))}.",
            replicas=stuck,
        )
    shards = tx.value(
        int,
        "select count(*) from shard s where node_id = %s"
        " and (select count(*) from shard where object_key = s.object_key) > %s",
        (node.id, len(others)),
    )
    if shards:
        raise Problem(
            "replicas-at-risk",
            f"{shards} shards on {node.id} cannot be placed elsewhere: {len(others)} nodes would be left, and"
            " each shard of a frozen object needs one of its own. Add a node first.",
            replicas=shards,
        )
    free = [_free(each) for each in others]
    room = None if None in free else sum(bytes_ for bytes_ in free if bytes_ is not None)
    if room is not None and room < usage.bytes:
        raise Problem(
            "replicas-at-risk",
            f"{usage.objects} replicas on {node.id} cannot be placed elsewhere: they have {usage.bytes} bytes,"
            f" and {room} are free on the other nodes.",
            replicas=usage.objects,
        )


def refuse_to_lose(tx: Transaction, node: Node, given_up: int) -> None:
    """Raises Problem replicas-at-risk when the node has the last replica of other than so many objects."""
    others = [each.id for each in load(tx) if each.reliable and each.id != node.id]
    lost = tx.value(
        int,
        """
        select count(*)
        from (select object_key from replica where node_id = %(node)s
              union select object_key from shard where node_id = %(node)s) here
        where not exists (select 1 from replica r where r.object_key = here.object_key and node_id = any(%(others)s))
          and (select count(*) from shard s where s.object_key = here.object_key and node_id = any(%(others)s)) < %(of)s
        """,
        {"node": node.id, "others": others, "of": NEEDED},
    )
    if lost and lost != given_up:
        raise Problem(
            "replicas-at-risk",
            f"{lost} objects have their last replica on {node.id} and would be lost. Let it be emptied (without force),"
            f" or give them up with lose={lost}.",
            replicas=lost,
        )


class _Usage(Struct):
    """What a node holds by the database."""

    node_id: str
    objects: int = 0
    shards: int = 0
    bytes: int = 0


def _usage(tx: Transaction) -> dict[str, _Usage]:
    rows = tx.all(
        _Usage,
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
    usage, share = _usage(tx), nodes.share()
    found = []
    for node in nodes:
        used = usage.get(node.id) or _Usage(node.id)
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
                _free(node),
            )
        )
    return found


def _free(node: Node) -> int | None:
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


def _normalized(where: NodeLocation) -> NodeLocation:
    """The same location, written in the one way that it can be compared by. Raises ConfigError."""
    if where.kind == "s3":
        from shared.objects.s3.location import located

        return where._replace(location=str(located(where.location, where.options)))
    if not Path(where.location).is_absolute():
        raise ConfigError("the path of a directory must begin with a slash")
    if where.options:
        raise ConfigError("a directory has no options")
    return where._replace(location=str(Path(where.location).resolve()))


def _overlap(node: Node, where: NodeLocation) -> bool:
    """Whether one lies in the other, so that one would find the other's files among its own."""
    if node.kind != where.kind or node.options.get("endpoint") != where.options.get("endpoint"):
        return False
    there = str(Path(node.location).resolve()) if node.kind == "directory" else node.location
    one, other = (f"{location.rstrip('/')}/" for location in (there, where.location))
    return one.startswith(other) or other.startswith(one)
