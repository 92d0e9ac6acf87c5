"""The nodes as the database knows them: which ones the ring is made of, and where the replicas of a key belong."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from shared.config import integer
from shared.db import Transaction
from shared.objects import NodeUnavailable, ObjectStore
from shared.objects.factory import open_store
from shared.storage.nodes.location import list_directories
from shared.storage.nodes.register import register
from shared.storage.nodes.ring import Ring, spread
from shared.storage.nodes.state import NodeState


class Node(Struct, frozen=True):
    """A row of the table `node`."""

    id: str
    kind: str
    location: str
    weight: float
    zone: str
    state: NodeState
    options: dict[str, Any]
    suspect: bool  # it does not answer
    lost: bool  # for so long that its objects get new replicas elsewhere

    @property
    def store(self) -> ObjectStore:
        return open_store(self.id, self.kind, self.location, self.options)

    @property
    def in_ring(self) -> bool:
        return self.state is NodeState.ACTIVE and self.weight > 0 and not self.lost

    @property
    def reliable(self) -> bool:
        """Whether a replica here counts as one of those that an object should have."""
        return self.state is not NodeState.REMOVED and not self.lost


class Nodes:
    """The nodes as they were when they were read."""

    def __init__(self, nodes: list[Node]) -> None:
        self._by_id = {node.id: node for node in nodes}
        weights = tuple((node.id, node.weight) for node in nodes if node.in_ring)
        self._ring = _ring(weights, integer("VIRTUAL_NODES"))
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
        return [node.store for node in self._by_id.values() if node.state is not NodeState.REMOVED]

    def order(self, key: str) -> Iterator[ObjectStore]:
        """The stores of the nodes of the ring: those that answer first, else in the order of the key."""
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
        return sorted(node_ids, key=lambda node_id: _health_rank(self._by_id.get(node_id)))

    def healthiest(self, node_ids: Iterable[str]) -> list[str]:
        """Of the nodes those that answer, or all that are equally far from it."""
        ordered = self.by_health(node_ids)
        ranks = [_health_rank(self._by_id.get(node_id)) for node_id in ordered]
        return [node_id for node_id, rank in zip(ordered, ranks, strict=True) if rank == ranks[0]]

    def share(self) -> dict[str, float]:
        """Of each node, which part of all new objects is to come to it."""
        weights = {node.id: node.weight if node.in_ring else 0.0 for node in self._by_id.values()}
        total = sum(weights.values()) or 1.0
        return {node_id: weight / total for node_id, weight in weights.items()}

    def __iter__(self) -> Iterator[Node]:
        return iter(self._by_id.values())


def _health_rank(node: Node | None) -> int:
    """0 for a node that answers, more for one that is less likely to."""
    if node is None or node.state is NodeState.REMOVED:
        return 3
    return 2 if node.lost else int(node.suspect)


def load(tx: Transaction) -> Nodes:
    """The nodes; the first time ever, those that the settings name are registered."""
    found = tx.all(Node, _NODES)
    if not found:
        register(tx)
        found = tx.all(Node, _NODES)
    return Nodes(found)


_NODES = """
    select id, kind, location, weight, zone, state, options,
        suspect_since is not null as suspect, lost_at is not null as lost from node order by id
"""


def note_directories(nodes: Iterable[Node]) -> None:
    """Writes down the directories that became nodes later, for the object server, which asks no database."""
    list_directories(
        Path(node.location) for node in nodes if node.kind == "directory" and node.state is not NodeState.REMOVED
    )


@lru_cache(maxsize=8)
def _ring(weights: tuple[tuple[str, float], ...], virtual_nodes: int) -> Ring:
    return Ring(dict(weights), virtual_nodes)
