"""A frozen video is watched: its replicas come back, then its shards go."""

from itertools import combinations
from pathlib import Path

import pytest

from events import VideoRecalled
from shared.db import transaction
from shared.objects import ObjectMissing
from shared.storage.erasure.read import find_frozen, rebuild_shard, shard_corruption
from shared.storage.nodes.nodes import load
from tests.conftest import Database, Wadi
from tests.functions.freezing import Cellar, cellar, freeze
from tests.functions.uploading import at_the_same_time
from tests.functions.waking import deliver, ping

SIZES = (10_000, 300_001)


@pytest.fixture
def six(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cellar:
    return cellar(database, tmp_path / "nodes", monkeypatch)


def thaw(video: str, event_id: str | None = None) -> int:
    return deliver("thaw", VideoRecalled(video), event_id).status_code


def assert_warm(six: Cellar, video: str, objects: dict[str, bytes]) -> None:
    for key, data in objects.items():
        assert len(six.replicas(key)) == 3
        assert not six.shards(key)
        assert all(six.file(node, key).read_bytes() == data for node in six.replicas(key))
    assert len(six.files(video)) == 3 * len(objects)


def test_replicas_come_back_and_shards_go(six: Cellar) -> None:
    video, objects = six.video(*SIZES)
    freeze()
    assert thaw(video) == 204
    assert_warm(six, video, objects)
    assert thaw(video) == 204
    assert_warm(six, video, objects)


def test_frozen_and_thawed_again_and_again(six: Cellar) -> None:
    video, objects = six.video(*SIZES)
    for _ in range(3):
        freeze()
        assert all(six.is_frozen(key) for key in objects)
        assert at_the_same_time(*[lambda: thaw(video)] * 2) == [204, 204]
        assert_warm(six, video, objects)


def test_two_nodes_away(six: Cellar) -> None:
    video, objects = six.video(300_001)
    (key,) = objects
    for two in combinations([f"node-{n}" for n in range(1, 7)], 2):
        freeze()
        assert six.is_frozen(key)
        with six.away(*two):
            assert thaw(video) == 204
            assert len(six.replicas(key)) == 3
        ping("finish_removals")
        assert_warm(six, video, objects)


def test_damaged_shards_are_passed_over(six: Cellar) -> None:
    video, objects = six.video(300_001)
    (key,) = objects
    freeze()
    for shard in six.shards(key)[:2]:
        path = six.file(shard["node_id"], shard["key"])
        path.write_bytes(bytes(len(path.read_bytes())))
    assert thaw(video) == 204
    assert_warm(six, video, objects)


def test_what_waits_for_removal_does_not_take_the_new_replicas(six: Cellar) -> None:
    """Its removal from a node was noted when it was frozen, and the node was away ever since."""
    video, objects = six.video(300_001)
    (key,) = objects
    freeze()
    for node in range(1, 7):
        six.database.all(
            "insert into removal (node_id, key, video_id) values (%s, %s, %s)", (f"node-{node}", key, video)
        )
    assert thaw(video) == 204
    ping("finish_removals")
    assert_warm(six, video, objects)


def test_three_lost_shards_are_too_many_and_nothing_is_made_up(six: Cellar) -> None:
    video, objects = six.video(300_001, 20_000)
    lost, good = objects
    freeze()
    for shard in six.shards(lost)[:3]:
        six.file(shard["node_id"], shard["key"]).unlink()
    assert thaw(video) == 503
    assert six.is_frozen(lost)
    assert len(six.replicas(good)) == 3, "one does not keep the other"


def test_a_shard_is_made_anew(six: Cellar) -> None:
    _, objects = six.video(300_001)
    (key,) = objects
    freeze()
    for shard in six.shards(key):
        path = six.file(shard["node_id"], shard["key"])
        before = path.read_bytes()
        path.write_bytes(before[:-1])
        with transaction() as tx:
            nodes, thing = load(tx), find_frozen(tx, key)
        assert thing is not None
        found = {each.number: shard_corruption(nodes, each) for each in thing.shards}
        assert {number for number, damage in found.items() if damage} == {shard["number"]}
        assert rebuild_shard(transaction, key, shard["number"])
        assert path.read_bytes() == before
    assert not rebuild_shard(transaction, "videos/none", 0)
    for shard in six.shards(key)[:3]:
        six.file(shard["node_id"], shard["key"]).unlink()
    with pytest.raises(ObjectMissing):
        rebuild_shard(transaction, key, 0)
