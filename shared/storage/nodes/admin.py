"""Adding nodes, and refusing to remove one that is needed."""

from pathlib import Path

from shared.config import ConfigError, integer
from shared.db import Transaction
from shared.errors import Problem
from shared.objects import ObjectError
from shared.objects.factory import create_store, identity_of
from shared.storage.model import NEEDED
from shared.storage.nodes.health import write_probe
from shared.storage.nodes.location import NodeLocation
from shared.storage.nodes.nodes import Node, load
from shared.storage.nodes.overview import Usage, free_bytes, usage
from shared.storage.nodes.register import REGISTER_LOCK, free_id
from shared.storage.nodes.state import NodeState, activate, forget_location, insert


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
    used = usage(tx).get(node.id) or Usage(node.id)
    factor = integer("REPLICATION_FACTOR")
    stuck = used.objects if not others or (node.in_ring and len(others) < factor <= len(nodes.active())) else 0
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
    free = [free_bytes(each) for each in others]
    room = None if None in free else sum(bytes_ for bytes_ in free if bytes_ is not None)
    if room is not None and room < used.bytes:
        raise Problem(
            "replicas-at-risk",
            f"{used.objects} replicas on {node.id} cannot be placed elsewhere: they have {used.bytes} bytes,"
            f" and {room} are free on the other nodes.",
            replicas=used.objects,
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
