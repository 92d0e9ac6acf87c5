"""The ring is balanced, moves as little as can be, honours weights, and is the same everywhere."""

import subprocess
import sys
from collections import Counter
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.storage.nodes.ring import Ring, spread

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
weights = st.dictionaries(names, st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=8)
keys = st.lists(names, min_size=1, max_size=50, unique=True)


zoned = st.dictionaries(names, st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=8)


def replicas(ring: Ring, key: str, count: int = 3) -> list[str]:
    return list(islice(ring.nodes_for(key), count))


def placed(ring: Ring, total: int, count: int) -> list[list[str]]:
    """The nodes of each of so many objects."""
    return [replicas(ring, f"videos/{i}/720p/0-abc.m4s", count) for i in range(total)]


def load(placed: list[list[str]], count: int) -> Counter[str]:
    """How many of the first `count` replicas each node has."""
    return Counter(node for nodes in placed for node in nodes[:count])


def test_twenty_equal_nodes_are_within_ten_percent_of_their_share() -> None:
    for naming in ("node-{}", "rack-a/disk{}", "{}.storage.example.org"):
        ring = Ring({naming.format(i): 1.0 for i in range(1, 21)})
        total = 60_000
        objects = placed(ring, total, 3)
        for count in (1, 3):
            assert max(load(objects, count).values()) <= 1.10 * total * count / 20


def test_a_weight_is_a_share() -> None:
    ring = Ring({f"node-{i}": 1.0 for i in range(9)} | {"big": 3.0, "small": 0.5})
    total = 60_000
    first = load(placed(ring, total, 1), 1)
    share = total / 12.5
    assert 0.88 < first["big"] / (3 * share) < 1.12
    assert 0.80 < first["small"] / (0.5 * share) < 1.20
    assert Ring({"a": 1.0, "gone": 0.0}).nodes == {"a"}


def test_a_node_more_takes_its_share_and_no_other_object_moves() -> None:
    before = Ring({f"node-{i}": 1.0 for i in range(10)})
    after = Ring({f"node-{i}": 1.0 for i in range(11)})
    total, moved = 20_000, 0
    for i in range(total):
        old, new = replicas(before, str(i), 1)[0], replicas(after, str(i), 1)[0]
        if old != new:
            assert new == "node-10"
            moved += 1
    assert 0.85 < moved / (total / 11) < 1.15


@given(weights, keys, names)
def test_adding_a_node_only_inserts_it(nodes: dict[str, float], some: list[str], new: str) -> None:
    nodes.pop(new, None)
    before, after = Ring(nodes, 20), Ring(nodes | {new: 1.0}, 20)
    for key in some:
        # a replica set changes by the new node coming in and at most one old node going out
        old, now = replicas(before, key), replicas(after, key)
        assert set(now) - set(old) <= {new}
        assert new in now or now == old


@given(weights, keys, st.data())
def test_removing_a_node_moves_only_what_it_had(nodes: dict[str, float], some: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(nodes)))
    before, after = Ring(nodes, 20), Ring({n: w for n, w in nodes.items() if n != gone}, 20)
    for key in some:
        old, now = replicas(before, key), replicas(after, key)
        assert gone not in now
        assert gone in old or now == old
        assert set(old) - {gone} <= set(now)


@given(weights, keys)
def test_replicas_are_distinct_and_every_node_is_offered(nodes: dict[str, float], some: list[str]) -> None:
    ring = Ring(nodes, 20)
    for key in some:
        order = list(ring.nodes_for(key))
        assert len(order) == len(set(order)) == len(nodes)


@given(weights, keys, st.randoms())
@settings(max_examples=30)
def test_the_order_of_nodes_does_not_matter(nodes: dict[str, float], some: list[str], random: object) -> None:
    shuffled = dict(sorted(nodes.items(), reverse=True))
    assert [replicas(Ring(nodes), k) for k in some] == [replicas(Ring(shuffled), k) for k in some]


@given(zoned, keys, st.integers(1, 5))
def test_replicas_are_in_as_many_zones_as_can_be(nodes: dict[str, str], some: list[str], count: int) -> None:
    ring = Ring(dict.fromkeys(nodes, 1.0), 20)
    sizes = Counter(nodes.values())
    for key in some:
        chosen = spread(ring.nodes_for(key), nodes, count)
        assert len(chosen) == len(set(chosen)) == min(count, len(nodes))
        assert len({nodes[node] for node in chosen}) == min(count, len(sizes))
        used = Counter(nodes[node] for node in chosen)
        # no zone has two more than another that has a node left
        assert all(used[full] <= used[other] + 1 for full in used for other in sizes if used[other] < sizes[other])


@given(keys, st.integers(1, 5))
def test_without_zones_the_order_is_that_of_the_ring(some: list[str], count: int) -> None:
    ring = Ring({f"node-{i}": 1.0 for i in range(6)}, 20)
    for key in some:
        assert spread(ring.nodes_for(key), {}, count) == replicas(ring, key, count)


@given(zoned, keys, names, st.sampled_from(["", "a", "b", "e"]), st.integers(1, 5))
def test_a_node_more_in_a_zone_moves_one_replica_at_most(
    nodes: dict[str, str], some: list[str], new: str, zone: str, count: int
) -> None:
    nodes.pop(new, None)
    before, after = Ring(dict.fromkeys(nodes, 1.0), 20), Ring(dict.fromkeys([*nodes, new], 1.0), 20)
    for key in some:
        old = set(spread(before.nodes_for(key), nodes, count))
        now = set(spread(after.nodes_for(key), nodes | {new: zone}, count))
        assert now - old <= {new}
        assert len(old - now) <= 1
        assert new in now or now == old


def test_zones_of_equal_size_keep_the_balance() -> None:
    zones = {f"node-{i}": "abcd"[i % 4] for i in range(20)}
    ring = Ring(dict.fromkeys(zones, 1.0))
    total, held = 20_000, Counter[str]()
    for i in range(total):
        held.update(spread(ring.nodes_for(f"videos/{i}/720p/0-abc.m4s"), zones, 3))
    assert max(held.values()) <= 1.10 * total * 3 / 20


def test_placement_in_zones_never_changes_between_releases() -> None:
    zones = {f"node-{i}": "north" if i < 4 else "south" for i in range(1, 6)}
    ring = Ring(dict.fromkeys(zones, 1.0))
    assert [spread(ring.nodes_for(key), zones, 3) for key in ("a", "videos/1/720p/0-abc.m4s", "sources/1")] == [
        ["node-2", "node-5", "node-1"],
        ["node-3", "node-5", "node-2"],
        ["node-5", "node-3", "node-4"],
    ]


def test_other_processes_agree() -> None:
    program = (
        "from shared.storage.nodes.ring import Ring\n"
        "ring = Ring({f'node-{i}': 1.0 + i % 2 for i in range(7)})\n"
        "print([list(ring.nodes_for(f'key-{i}')) for i in range(100)])\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    ring = Ring({f"node-{i}": 1.0 + i % 2 for i in range(7)})
    assert answers == {f"{[list(ring.nodes_for(f'key-{i}')) for i in range(100)]}\n"}


def test_placement_never_changes_between_releases() -> None:
    """Objects that are stored stay where they are looked for: a change of these answers needs a migration."""
    ring = Ring({f"node-{i}": 1.0 for i in range(1, 6)})
    assert [replicas(ring, key) for key in ("a", "videos/1/720p/0-abc.m4s", "sources/1")] == [
        ["node-2", "node-1", "node-3"],
        ["node-3", "node-5", "node-2"],
        ["node-5", "node-4", "node-3"],
    ]


def test_no_nodes() -> None:
    assert replicas(Ring({}), "key") == []
