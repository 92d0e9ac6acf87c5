"""Damaged replicas are found and made anew from good ones; what has no good one left is said to be lost, once."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from events import SegmentEncoded
from shared.storage.nodes.location import local_stores
from tests.buckets import buckets, keys, s3
from tests.conftest import Database, Wadi
from tests.films.rows import make_video
from tests.films.stored import SegmentRow, holders, make_segments, recorded
from tests.functions.freezing import cellar, freeze
from tests.functions.people import Person
from tests.functions.waking import deliver, ping

ALL = {"node-1", "node-2", "node-3"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEOUT_SECONDS", "600")


def placed(database: Database, creator: Person, count: int = 1) -> list[SegmentRow]:
    segments = make_segments(database, make_video(database, creator.user_id), ["720p"], count)
    for each in segments:
        event = SegmentEncoded(each.video_id, each.id, "720p", each.index, each.object_key, each.init_key)
        assert deliver("place_segment", event).status_code == 204
    return segments


def scrub(database: Database) -> None:
    database.all("update scrub set asked_at = now()")
    assert ping("scrub").status_code == 204


def file(node: str, key: str) -> Path:
    path = local_stores()[node].local_path(key)
    assert path is not None
    return path


def published(database: Database, type: str, key: str) -> list[dict[str, str]]:
    rows = database.all("select event from topic_record where topic = %s and key = %s", (type, key))
    return [row["event"]["data"] for row in rows]


def flip(path: Path) -> None:
    """One bit: the size stays, and so does the time."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", ["missing", "short", "flipped"])
def test_two_of_three_replicas_are_made_anew(harm: str, database: Database, creator: Person, wadi: Wadi) -> None:
    (segment,) = placed(database, creator)
    for node in ("node-1", "node-3"):
        path = file(node, segment.object_key)
        match harm:
            case "missing":
                path.unlink()
            case "short":
                path.write_bytes(segment.data[:-1])
            case "flipped":
                flip(path)
    assert holders(segment.object_key, segment.data) == {"node-2"}
    scrub(database)
    assert holders(segment.object_key, segment.data) == ALL
    told = published(database, "wadi.object.repaired", segment.object_key)
    assert sorted(each["node_id"] for each in told) == ["node-1", "node-3"]
    assert not database.all("select 1 from lost_object")


def test_what_has_no_good_replica_is_lost_and_said_once(database: Database, creator: Person) -> None:
    (segment,) = placed(database, creator)
    for node in ALL:
        flip(file(node, segment.object_key))
    scrub(database)
    scrub(database)
    assert len(published(database, "wadi.object.lost", segment.object_key)) == 1
    assert recorded(database, segment.object_key) == ALL
    flip(file("node-2", segment.object_key))  # somebody brings the bytes back
    scrub(database)
    assert holders(segment.object_key, segment.data) == ALL
    assert not database.all("select 1 from lost_object")


def test_nothing_is_lost_while_a_node_is_away(database: Database, creator: Person) -> None:
    (segment,) = placed(database, creator)
    for node in ("node-1", "node-2"):
        flip(file(node, segment.object_key))
    root = local_stores()["node-3"].root
    root.rename(root.with_name("away"))
    scrub(database)
    assert not published(database, "wadi.object.lost", segment.object_key)
    root.with_name("away").rename(root)
    assert ping("scrub").status_code == 204  # it is still due
    assert holders(segment.object_key, segment.data) == ALL


def test_a_copy_that_nobody_recorded_is_a_copy(database: Database, creator: Person) -> None:
    (segment,) = placed(database, creator)
    database.all("delete from replica where object_key = %s and node_id = 'node-2'", (segment.object_key,))
    for node in ("node-1", "node-3"):
        flip(file(node, segment.object_key))
    scrub(database)
    assert {"node-1", "node-3"} <= holders(segment.object_key, segment.data)


def test_what_was_checked_lately_waits_its_turn(database: Database, creator: Person) -> None:
    segments = placed(database, creator, 3)
    scrub(database)
    checked = database.one("select checked from scrub")
    assert ping("scrub").status_code == 204
    assert database.one("select checked from scrub") == checked
    key = segments[1].object_key
    database.all("update replica_check set checked_at = now() - interval '31 days' where object_key = %s", (key,))
    assert ping("scrub").status_code == 204
    after = database.one("select checked from scrub")
    assert checked is not None
    assert after is not None
    assert after["checked"] == checked["checked"] + 3


def test_the_check_of_a_replica_leaves_what_is_cached_of_the_video_alone(database: Database, creator: Person) -> None:
    (segment,) = placed(database, creator)
    version = database.one("select version from placement_version where video_id = %s", (segment.video_id,))
    scrub(database)
    assert database.one("select version from placement_version where video_id = %s", (segment.video_id,)) == version


HARMS: list[Callable[[Path], object]] = [Path.unlink, flip, lambda path: path.write_bytes(b"")]


def test_any_damage_that_leaves_one_good_replica_heals(database: Database, creator: Person) -> None:
    chance = random.Random(5)
    for _ in range(5):
        segments = placed(database, creator, 4)
        for key in {key: None for each in segments for key in (each.object_key, each.init_key)}:
            for node in chance.sample(sorted(ALL), chance.randint(0, 2)):
                path = file(node, key)
                chance.choice(HARMS)(path)
        scrub(database)
        for each in segments:
            assert holders(each.object_key, each.data) == ALL
            assert holders(each.init_key, each.init) == ALL
    assert not database.all("select 1 from lost_object")


@pytest.mark.parametrize("harm", ["missing", "flipped"])
def test_two_of_six_shards_are_made_anew(
    harm: str, database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    six = cellar(database, tmp_path / "nodes", monkeypatch)
    _, objects = six.video(50_000)
    freeze()
    for key in objects:
        before = {shard["number"]: six.file(shard["node_id"], shard["key"]).read_bytes() for shard in six.shards(key)}
        for shard in six.shards(key)[1:3]:
            path = six.file(shard["node_id"], shard["key"])
            if harm == "missing":
                path.unlink()
            else:
                flip(path)
        scrub(database)
        after = {shard["number"]: six.file(shard["node_id"], shard["key"]).read_bytes() for shard in six.shards(key)}
        assert after == before
        assert not database.all("select 1 from lost_object where object_key = %s", (key,))
        for shard in six.shards(key)[:3]:
            flip(six.file(shard["node_id"], shard["key"]))
        scrub(database)
        scrub(database)
        assert len(published(database, "wadi.object.lost", key)) == 1


def test_buckets_heal_and_are_swept(
    database: Database, creator: Person, wadi: Wadi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with buckets("scrub", 3) as names:
        for table in ("removal", "shard", "object", "node_lease", "upload", "garbage", "node"):
            database.all(f"delete from {table}")
        monkeypatch.setenv("AWS_S3_BUCKET", ",".join(names))
        (segment,) = placed(database, creator)
        key = f"objects/{segment.object_key}"
        s3().delete_object(Bucket=names[0], Key=key)
        s3().put_object(Bucket=names[1], Key=key, Body=bytes(len(segment.data)))
        scrub(database)
        assert [s3().get_object(Bucket=name, Key=key)["Body"].read() for name in names] == [segment.data] * 3
        before = [keys(name) for name in names]
        s3().put_object(Bucket=names[2], Key="objects/videos/none/0-0123abcd.m4s", Body=b"orphan")
        upload = s3().create_multipart_upload(Bucket=names[2], Key="objects/videos/none/1-0123abcd.m4s")["UploadId"]
        assert ping("collect_garbage").status_code == 204
        assert upload in {each["UploadId"] for each in s3().list_multipart_uploads(Bucket=names[2])["Uploads"]}
        monkeypatch.setenv("GARBAGE_GRACE_HOURS", "0")
        assert ping("collect_garbage").status_code == 204
        assert [keys(name) for name in names] == before
        assert not s3().list_multipart_uploads(Bucket=names[2]).get("Uploads")
