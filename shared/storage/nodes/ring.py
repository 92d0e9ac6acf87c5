"""The ring: which nodes an object belongs on.

Consistent hashing with virtual nodes: each node has VIRTUAL_NODES points (times its weight) on a ring of 2^64
positions, and a key belongs to the nodes whose points follow the key's position most closely.

With one position a key, arcs of 150 points a node are so uneven that the fullest of 20 equal nodes has 17 % more than
its share (up to 25 %). So a key has PROBES positions, and a node's distance is the least over all of them (multi-probe
consistent hashing, Appleton and O'Reilly 2015): long arcs no longer win in proportion to their length, and the fullest
node has less than 10 % too much. A node's distance depends on no other node, so movement stays minimal for every
replica: a node that comes is inserted into a key's order, one that goes is taken out, and the others keep theirs.

The same nodes give the same ring in every process and on every machine: BLAKE2b, no salt, no state.
"""

import hashlib
import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

PROBES = 8  # as many 64-bit positions as one BLAKE2b digest gives
_SIZE = 1 << 64


class Ring:
    """Nodes with weights. A weight of 2 gives twice the share of 1; nodes without a positive weight get nothing."""

    def __init__(self, weights: dict[str, float], virtual_nodes: int = 150) -> None:
        points = sorted(
            (position, node)
            for node, weight in weights.items()
            if weight > 0
            for position in _points(node, max(1, round(virtual_nodes * weight)))
        )
        self._positions = [position for position, _ in points]
        self._owners = [node for _, node in points]
        self.nodes = frozenset(self._owners)

    def nodes_for(self, key: str) -> Iterator[str]:
        """Every node, in the order in which they are to hold the key: the first n for n replicas."""
        if not self._owners:
            return
        walks = [self._step(start, bisect_left(self._positions, start)) for start in _hash(f"key:{key}")]
        heapq.heapify(walks)
        seen: set[str] = set()
        while len(seen) < len(self.nodes):
            _, start, index = walks[0]  # the closest point that was not looked at
            node = self._owners[index]
            if node not in seen:
                seen.add(node)
                yield node
            heapq.heapreplace(walks, self._step(start, index + 1))

    def _step(self, start: int, index: int) -> tuple[int, int, int]:
        """A walk along the ring from a position of the key: its distance so far, where it began, the point it is at."""
        index %= len(self._positions)
        return (self._positions[index] - start) % _SIZE, start, index


def spread(order: Iterable[str], zones: Mapping[str, str], count: int) -> list[str]:
    """The first `count` nodes of an order, in as many zones as can be: first the first node of every zone, then the
    second of every zone, and so on. Nodes without a zone are in one together.

    A node that comes moves the later ones of its own zone back by one, so at most one node leaves the chosen ones.
    """
    before: Counter[str] = Counter()
    ranks = []
    for node in order:
        zone = zones.get(node, "")
        ranks.append((before[zone], node))
        before[zone] += 1
    return [node for _, node in sorted(ranks, key=lambda each: each[0])[:count]]


def _points(node: str, count: int) -> Iterable[int]:
    for block in range(-(-count // PROBES)):
        yield from _hash(f"node:{node}:{block}")[: count - block * PROBES]


def _hash(text: str) -> list[int]:
    digest = hashlib.blake2b(text.encode(), digest_size=8 * PROBES).digest()
    return [int.from_bytes(digest[i : i + 8], "big") for i in range(0, len(digest), 8)]
