"""The nodes: which places they are, and which of them the ring is made of.

The settings name the first ones: buckets (AWS_S3_BUCKET), or directories (WADI_NODES, or three under WADI_DATA). Each
place carries its node's id in itself, so a disk may be mounted elsewhere and is still the same node. The database knows
every node, its weight, zone and state, and whether it answers (shared/storage/nodes/health.py).
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from shared.config import ConfigError, integer, setting
from shared.db.transaction import Transaction
from shared.objects import NodeFull, NodeUnavailable, ObjectStore
from shared.objects.directory import DirectoryStore, identity
from shared.objects.durable import make_folder, write_file
from shared.objects.factory import create_store, identity_of, open_store
from shared.storage.placement.ring import Ring, spread

REGISTER_LOCK = 7_236_910_020
DEFAULT_NODES = 3

log = logging.getLogger("wadi.storage")


class Place(NamedTuple):
    """Where a node is."""

    kind: str
    location: str
    options: dict[str, Any]


class Node(NamedTuple):
    id: str
    kind: str
    location: str
    weight: float
    zone: str
    state: str  # active, draining (it is being emptied) or removed
    options: dict[str, Any]
    suspect: bool  # it does not answer
    lost: bool  # for so long that its replicas are made anew elsewhere

    @property
    def store(self) -> ObjectStore:
        return open_store(self.id, self.kind, self.location, self.options)

    @property
    def in_ring(self) -> bool:
        return self.state == "active" and self.weight > 0 and not self.lost

    @property
    def counts(self) -> bool:
        """Whether a replica here is one that can be relied on."""
        return self.state != "removed" and not self.lost


class Nodes:
    """The nodes as they were when they were read."""

    def __init__(self, nodes: list[Node]) -> None:
        self._by_id = {node.id: node for node in nodes}
        weights = tuple((node.id, node.weight) for node in nodes if node.in_ring)
        self._ring = _ring(weights, integer("VIRTUAL_NODES", minimum=1))
        self._zones = {node.id: node.zone for node in nodes}
        self._zoned = len({node.zone for node in nodes if node.in_ring}) > 1

    def active(self) -> frozenset[str]:
        """The ids of the nodes that the ring is made of."""
        return self._ring.nodes

    def get(self, node_id: str) -> Node | None:
        return self._by_id.get(node_id)

    def store(self, node_id: str) -> ObjectStore:
        """Raises NodeUnavailable when there is no such node."""
        try:
            return self._by_id[node_id].store
        except KeyError:
            raise NodeUnavailable(f"there is no node {node_id}") from None

    def all(self) -> list[ObjectStore]:
        return [node.store for node in self._by_id.values() if node.state != "removed"]

    def order(self, key: str) -> Iterator[ObjectStore]:
        """The stores of the nodes of the ring: those that answer first, else those that the key belongs to."""
        return (self.store(node_id) for node_id in self.by_health(self.homes(key, len(self._ring.nodes))))

    def homes(self, key: str, count: int) -> list[str]:
        """The ids of the nodes that are to hold the key, in distinct zones as far as there are zones."""
        order = self._ring.nodes_for(key)
        return spread(order, self._zones, count) if self._zoned else list(islice(order, count))

    def next_home(self, key: str, having: Collection[str], without: Collection[str]) -> ObjectStore | None:
        """Where one more replica goes when these nodes have one and those have refused it: to a node that answers, in a
        zone with as few of them as can be, then to the first by the ring."""
        taken = Counter(self._zones.get(node_id, "") for node_id in having)
        free = [node_id for node_id in self.homes(key, len(self._ring.nodes)) if node_id not in {*having, *without}]
        if not free:
            return None
        return self.store(min(self.healthiest(free), key=lambda node_id: taken[self._zones[node_id]]))

    def by_health(self, node_ids: Iterable[str]) -> list[str]:
        """The same nodes, those that answer first; else in the order given."""
        return sorted(node_ids, key=lambda node_id: _sickness(self._by_id.get(node_id)))

    def healthiest(self, node_ids: Iterable[str]) -> list[str]:
        """Of the nodes those that answer, or all that are equally far from it."""
        ordered = self.by_health(node_ids)
        return [each for each in ordered if _sickness(self._by_id.get(each)) == _sickness(self._by_id.get(ordered[0]))]

    def share(self) -> dict[str, float]:
        """Of each node, which part of all new objects is to come to it."""
        weights = {node.id: node.weight if node.in_ring else 0.0 for node in self._by_id.values()}
        total = sum(weights.values()) or 1.0
        return {node_id: weight / total for node_id, weight in weights.items()}

    def __iter__(self) -> Iterator[Node]:
        return iter(self._by_id.values())


def _sickness(node: Node | None) -> int:
    if node is None or node.state == "removed":
        return 3
    return 2 if node.lost else int(node.suspect)


def load(tx: Transaction) -> Nodes:
    """The nodes; the first time ever, those that the settings name are registered."""
    rows = _rows(tx)
    if not rows:
        register(tx)
        rows = _rows(tx)
    return Nodes(rows)


def register(tx: Transaction) -> None:
    """Makes nodes of the places that the settings name, as far as they are not nodes already.

    A place that was a node and is not there any more (a disk that is not mounted) stays a node, unavailable.
    Raises ConfigError when a new one cannot be made.
    """
    tx.execute("select pg_advisory_xact_lock(%s)", (REGISTER_LOCK,))
    for place in declared():
        known = tx.one("select id from node where location = %s", (place.location,))
        try:
            node_id = identity_of(*place)
            if known and node_id in (None, known["id"]):
                if node_id is None:
                    log.warning("node %s: %s is not there. Is its disk mounted?", known["id"], place.location)
                continue
            if node_id is None:
                node_id = free_id(tx)
                create_store(node_id, *place)
        except (NodeUnavailable, NodeFull) as error:
            if known and place.kind == "s3":
                log.warning("node %s: %s", known["id"], error)
                continue
            raise ConfigError(f"{_named()}: a node cannot be made: {error}") from error
        if known:  # another disk was mounted where this node used to be
            tx.execute("update node set location = %s where id = %s", (f"missing:{known['id']}", known["id"]))
        insert(tx, node_id, place)


def insert(tx: Transaction, node_id: str, place: Place, weight: float = 1.0, zone: str = "") -> None:
    """Writes the row of a node; one that was known under this id is now at this place."""
    tx.execute(
        "insert into node (id, kind, location, options, weight, zone) values (%s, %s, %s, %s, %s, %s)"
        " on conflict (id) do update"
        " set kind = excluded.kind, location = excluded.location, options = excluded.options",
        (node_id, place.kind, place.location, tx.json(place.options), weight, zone),
    )


def declared() -> list[Place]:
    """What the settings name, in order."""
    if setting("AWS_S3_BUCKET"):
        from shared.objects.s3.location import declared as buckets

        return [Place("s3", location, dict(options)) for location, options in buckets()]
    return [Place("directory", str(path), {}) for path in directories()]


def directories() -> list[Path]:
    """The directories that the settings name, in order; none when they name buckets."""
    if setting("AWS_S3_BUCKET"):
        return []
    named = [Path(part).expanduser().absolute() for part in setting("WADI_NODES").split(":") if part.strip()]
    if named:
        return list(dict.fromkeys(named))
    return [_data() / "objects" / f"node-{number}" for number in range(1, DEFAULT_NODES + 1)]


def local_stores() -> dict[str, DirectoryStore]:
    """The nodes that are directories of this machine right now, without asking the database."""
    found = {}
    for path in dict.fromkeys([*directories(), *_noted()]):
        try:
            node_id = identity(path)
        except NodeUnavailable as error:
            log.warning("%s", error)
            continue
        if node_id is not None:
            found[node_id] = DirectoryStore(node_id, path)
    return found


def note_directories(nodes: Iterable[Node]) -> None:
    """Notes the directories that became nodes later, for the object server, which asks no database."""
    paths = {Path(node.location) for node in nodes if node.kind == "directory" and node.state != "removed"}
    later = sorted(paths - set(directories()))
    if later != _noted():
        make_folder(_data())
        write_file(_data() / "nodes.list", "".join(f"{path}\n" for path in later))


def _noted() -> list[Path]:
    try:
        return [Path(line) for line in (_data() / "nodes.list").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _data() -> Path:
    return Path(setting("WADI_DATA")).expanduser().absolute()


def _rows(tx: Transaction) -> list[Node]:
    return [
        Node(**row)
        for row in tx.all(
            "select id, kind, location, weight, zone, state, options,"
            " suspect_since is not null as suspect, lost_at is not null as lost from node order by id"
        )
    ]


def free_id(tx: Transaction) -> str:
    """A name that no node has, on this machine or in the database."""
    taken = {row["id"] for row in tx.all("select id from node")} | set(local_stores())
    return next(name for name in (f"node-{n}" for n in range(1, len(taken) + 2)) if name not in taken)


def _named() -> str:
    return next((name for name in ("AWS_S3_BUCKET", "WADI_NODES") if setting(name)), "WADI_DATA")


@lru_cache(maxsize=8)
def _ring(weights: tuple[tuple[str, float], ...], virtual_nodes: int) -> Ring:
    return Ring(dict(weights), virtual_nodes)
