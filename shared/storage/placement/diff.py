"""What is to be done for one object so that it is where the ring says. Decides; does nothing."""

from typing import NamedTuple

from shared.storage.nodes.nodes import Nodes


class Shard(NamedTuple):
    """One piece of a frozen object; `key` is its own, on its node."""

    number: int
    node_id: str
    size: int
    sha256: str
    key: str


class Held(NamedTuple):
    """An object, and where it is by the database."""

    key: str
    size: int
    sha256: str
    part_size: int | None
    replicas: tuple[str, ...]
    shards: tuple[Shard, ...]
    temporary: bool  # a source that is being processed: it has one replica, which stays where it is

    def counted(self, nodes: Nodes) -> list[str]:
        """The nodes whose replica can be relied on, those that answer first."""
        return nodes.by_health(name for name in self.replicas if (node := nodes.get(name)) and node.counts)


class Moves(NamedTuple):
    homes: list[str]  # which nodes are to have it
    missing: list[str]  # of these, which have not
    surplus: list[str]  # who has it besides; may let go of it once all homes have it

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus)


NOTHING = Moves([], [], [])


def moves(nodes: Nodes, held: Held, wanted: int) -> Moves:
    """Never more than the ring demands: what is where it should be stays."""
    if held.shards:  # frozen, or on the way there or back: its replicas are the cold tier's business
        return NOTHING
    counted = held.counted(nodes)
    staying = [name for name in counted if name in nodes.active()]
    homes = staying[:1] if held.temporary and staying else nodes.homes(held.key, 1 if held.temporary else wanted)
    missing = [name for name in homes if name not in counted]
    return Moves(homes, missing, [name for name in held.replicas if name not in homes and not _keeps(nodes, name)])


def _keeps(nodes: Nodes, name: str) -> bool:
    """A lost node that was not removed may come back, and what it holds with it: its rows stay."""
    node = nodes.get(name)
    return node is not None and node.state == "active" and node.lost


def shard_moves(nodes: Nodes, held: Held) -> list[tuple[Shard, str]]:
    """Which shards of an object are to go to which node.

    As many nodes as there are shards are to have one each; a shard on any of them stays. With fewer nodes, only what is
    on a node that is going away moves, as far as another has none.
    """
    homes = nodes.homes(held.key, len(held.shards))
    taken = {shard.node_id for shard in held.shards}
    going = [
        shard
        for shard in held.shards
        if shard.node_id not in (homes if len(homes) == len(held.shards) else nodes.active())
    ]
    return list(zip(going, (home for home in homes if home not in taken), strict=False))
