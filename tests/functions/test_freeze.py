"""What nobody watches becomes six shards on six nodes, and its replicas go only when those are proven."""

import hashlib
import logging
from pathlib import Path

import pytest

from events import VideoDeleted, VideoRecalled
from shared.db import transaction
from shared.storage.erasure import freeze as freezing
from shared.storage.erasure.code import STRIPE, shard_size
from shared.storage.model import SHARDS
from shared.storage.nodes.nodes import load
from shared.storage.nodes.register import register
from tests.conftest import Database, Wadi
from tests.functions.deleting import delete, left
from tests.functions.freezing import Cellar, cellar, freeze
from tests.functions.people import Person
from tests.functions.uploading import at_the_same_time, events
from tests.functions.waking import deliver, ping

SIZES = (10_000, 100_001, STRIPE + 4321)


@pytest.fixture
def six(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cellar:
    return cellar(database, tmp_path / "nodes", monkeypatch)


def test_six_shards_on_six_nodes_and_no_replica(six: Cellar) -> None:
    video, objects = six.video(*SIZES)
    freeze()
    for key, data in objects.items():
        assert six.is_frozen(key)
        shards = six.shards(key)
        assert len({shard["node_id"] for shard in shards}) == len(shards) == SHARDS
        for shard in shards:
            stored = six.file(shard["node_id"], shard["key"]).read_bytes()
            assert len(stored) == shard["size"] == shard_size(len(data))
            assert hashlib.sha256(stored).hexdigest() == shard["sha256"]
    assert len(six.files(video)) == SHARDS * len(objects), "the replicas are gone from the disks too"


def test_what_is_watched_or_new_or_unfinished_stays(six: Cellar) -> None:
    six.video(10_000, days=29)
    watched, _ = six.video(10_000)
    six.database.all("insert into watched (video_id, at) values (%s, now() - interval '29 days')", (watched,))
    unfinished, _ = six.video(10_000)
    six.database.all("update video set state = 'failed' where id = %s", (unfinished,))
    unplaced, _ = six.video(10_000)
    six.database.all(
        "insert into media_segment (id, video_id, rendition, index) values (%s, %s, '360p', 0)", (unplaced, unplaced)
    )
    old, objects = six.video(10_000)
    six.database.all("insert into watched (video_id, at) values (%s, now() - interval '31 days')", (old,))
    freeze()
    assert {
        row["video_id"]
        for row in six.database.all("select distinct video_id from shard join object o on o.key = object_key")
    } == {old}
    assert all(six.is_frozen(key) for key in objects)


def test_small_objects_and_the_poster_stay(six: Cellar) -> None:
    video, objects = six.video(freezing.SMALLEST, freezing.SMALLEST + 1, 20_000)
    small, frozen, poster = objects
    six.database.all("update video set poster_key = %s where id = %s", (poster, video))
    freeze()
    assert [six.is_frozen(key) for key in (small, frozen, poster)] == [False, True, False]


def test_it_is_off_unless_it_is_set(six: Cellar, monkeypatch: pytest.MonkeyPatch) -> None:
    _, objects = six.video(10_000)
    monkeypatch.delenv("FREEZE_AFTER_DAYS")
    freeze()
    assert not any(six.shards(key) for key in objects)


def test_five_nodes_are_too_few_and_it_says_so(
    database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    five = cellar(database, tmp_path / "nodes", monkeypatch, 5)
    _, objects = five.video(10_000)
    with caplog.at_level(logging.WARNING, "wadi.storage"):
        freeze()
    assert not any(five.shards(key) for key in objects)
    assert "freezing needs 6 nodes, and there are 5" in caplog.text


def test_a_node_that_is_away_keeps_its_objects_warm(six: Cellar) -> None:
    _, objects = six.video(10_000, 30_000)
    with six.away("node-4"):
        freeze()
        assert not any(six.shards(key) for key in objects)
        assert all(len(six.replicas(key)) == 3 for key in objects)
    freeze()
    assert all(six.is_frozen(key) for key in objects)


def test_a_replica_that_goes_away_meanwhile_goes_from_its_disk_later(
    six: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its node is away when the replicas are to go: seven nodes, so that none of the shards is on it."""
    monkeypatch.setenv("WADI_NODES", ":".join(str(six.folder / name) for name in "abcdefg"))
    with transaction() as tx:
        register(tx)
    (six.folder / "g" / "objects").mkdir(exist_ok=True)
    with transaction() as tx:
        nodes = load(tx)
    objects: dict[str, bytes] = {}
    while not (elsewhere := [key for key in objects if "node-7" not in nodes.homes(key, 6)]):  # one of seven
        objects |= six.video(10_000)[1]
    key = elsewhere[0]
    six.file("node-7", key).parent.mkdir(parents=True, exist_ok=True)
    six.file("node-7", key).write_bytes(objects[key])
    six.database.all("insert into replica (object_key, node_id) values (%s, 'node-7')", (key,))
    with six.away("node-7"):
        freeze()
        assert six.is_frozen(key)
        assert six.database.all("select node_id from removal where key = %s", (key,)) == [{"node_id": "node-7"}]
    assert six.file("node-7", key).exists()
    ping("finish_removals")
    assert not six.file("node-7", key).exists()


def test_a_damaged_replica_is_not_what_is_frozen(six: Cellar) -> None:
    _, objects = six.video(50_000)
    ((key, data),) = objects.items()
    for bad in sorted(six.replicas(key))[:2]:
        six.file(bad, key).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    freeze()
    assert six.is_frozen(key)
    shards = [six.file(s["node_id"], s["key"]).read_bytes() for s in six.shards(key)]
    assert b"".join(shards[:4])[: len(data)] == data


def test_without_a_good_replica_nothing_is_touched(six: Cellar) -> None:
    _, objects = six.video(50_000)
    ((key, data),) = objects.items()
    for bad in six.replicas(key):
        six.file(bad, key).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    freeze()
    assert not six.shards(key)
    assert len(six.replicas(key)) == 3


def test_shards_that_do_not_give_the_bytes_back_are_not_trusted(six: Cellar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that keeps other bytes than it was given: found out when they are read back, before replicas go."""
    _, objects = six.video(50_000)
    (key,) = objects
    written = freezing._put_all

    def spoiled(stripes, targets):  # type: ignore[no-untyped-def]
        infos = written(stripes, targets)
        path = targets[5][0].local_path(targets[5][1])
        path.write_bytes(bytes(len(path.read_bytes())))
        return infos

    with monkeypatch.context() as patch:
        patch.setattr(freezing, "_put_all", spoiled)
        freeze()
    assert not six.shards(key)
    assert len(six.replicas(key)) == 3
    freeze()
    assert six.is_frozen(key)


def test_two_at_once_are_as_one(six: Cellar) -> None:
    _, objects = six.video(*[20_000] * 5)
    assert [answer.status_code for answer in at_the_same_time(*[lambda: ping("freeze")] * 3)] == [204] * 3
    freeze()
    assert all(six.is_frozen(key) and len(six.shards(key)) == SHARDS for key in objects)


def test_deleting_takes_the_shards_along(six: Cellar, creator: Person) -> None:
    video, _ = six.video(*SIZES)
    six.database.all("update video set owner_id = %s where id = %s", (creator.user_id, video))
    freeze()
    assert six.files(video)
    delete(creator, video)
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    assert (six.files(video), left(six.database, video)) == (set(), {})


def test_what_was_recalled_and_is_still_frozen_is_recalled_again(six: Cellar) -> None:
    video, _ = six.video(10_000)
    freeze()
    six.database.all("insert into watched (video_id, at) values (%s, now() - interval '30 minutes')", (video,))
    freeze()
    assert events(six.database, VideoRecalled.type, video) == [{"video_id": video}]
