"""The difference between where an object is and where the ring says it should be. Decides; does nothing."""

from typing import NamedTuple

from msgspec import Struct

from shared.storage.model import ObjectRef, Shard
from shared.storage.nodes.nodes import Nodes
from shared.storage.nodes.state import NodeState


class Located(Struct, frozen=True):
    """An object, and where it is by the database."""

    object: ObjectRef
    replicas: tuple[str, ...]  # ids of nodes
    shards: tuple[Shard, ...]
    temporary: bool  # a source that is being processed: it has one replica, which stays where it is

    def reliable(self, nodes: Nodes) -> list[str]:
        """The nodes whose replica can be relied on, those that answer first."""
        return nodes.by_health(name for name in self.replicas if (node := nodes.get(name)) and node.reliable)


class PlacementDiff(NamedTuple):
    homes: list[str]  # the nodes that should have it
    missing: list[str]  # those of them that have not
    surplus: list[str]  # the other nodes that have it; they may drop it once all homes have it

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus)


IN_PLACE = PlacementDiff([], [], [])


def placement_diff(nodes: Nodes, located: Located, count: int) -> PlacementDiff:
    """What to change so that the object has `count` replicas where the ring says; what is in its place stays."""
    if located.shards:  # frozen, or being frozen or thawed: its replicas are the business of shared/storage/erasure
        return IN_PLACE
    reliable = located.reliable(nodes)
    staying = [name for name in reliable if name in nodes.active()]
    if located.temporary:
        homes = staying[:1] or nodes.homes(located.object.key, 1)
    else:
        homes = nodes.homes(located.object.key, count)
    missing = [name for name in homes if name not in reliable]
    surplus = [name for name in located.replicas if name not in homes and not _may_come_back(nodes, name)]
    return PlacementDiff(homes, missing, surplus)


def _may_come_back(nodes: Nodes, name: str) -> bool:
    """A lost node that was not removed may come back, and what it holds with it: its rows stay."""
    node = nodes.get(name)
    return node is not None and node.state is NodeState.ACTIVE and node.lost


def shard_diff(nodes: Nodes, located: Located) -> list[tuple[Shard, str]]:
    """Which shards of an object have to move, each with the node that it should be on.

    As many nodes as there are shards should have one each; a shard on any of them stays. With fewer nodes, only what is
    on a node that is going away moves, as far as another has none.
    """
    homes = nodes.homes(located.object.key, len(located.shards))
    taken = {shard.node_id for shard in located.shards}
    staying = homes if len(homes) == len(located.shards) else nodes.active()
    moving = [shard for shard in located.shards if shard.node_id not in staying]
    return list(zip(moving, (home for home in homes if home not in taken), strict=False))
