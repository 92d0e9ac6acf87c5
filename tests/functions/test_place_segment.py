"""Every media segment gets its replicas: verified, durable, on distinct nodes; nothing is placed that is not."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import SegmentEncoded
from shared.runtime.serve import create_app
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import make_video
from tests.films.stored import SegmentRow, holders, make_segments, recorded
from tests.functions.people import at_once
from tests.functions.uploading import at_the_same_time, events
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("wadi")
ALL = {"node-1", "node-2", "node-3"}
PLACED = "wadi.segment.placed"


@pytest.fixture
def segment(database: Database, wadi: object) -> SegmentRow:
    return make_segments(database, make_video(database, "owner"), ["720p"], 1)[0]


def encoded(segment: SegmentRow) -> SegmentEncoded:
    return SegmentEncoded(
        segment.video_id, segment.id, segment.rendition, segment.index, segment.object_key, segment.init_key
    )


def placed(database: Database, segment: SegmentRow) -> bool:
    row = database.one("select placed_at from media_segment where id = %s", (segment.id,))
    assert row is not None
    return row["placed_at"] is not None


def file_of(node_id: str, key: str) -> Path:
    return local_stores()[node_id].root / "objects" / key


@pytest.fixture
def away() -> Iterator[list[Path]]:
    """Nodes whose disks are taken out by `take_out`; they come back at the end."""
    taken: list[Path] = []
    yield taken
    for root in taken:
        put_back(root)


def take_out(root: Path, away: list[Path]) -> None:
    root.rename(root.with_name(root.name + "-away"))
    away.append(root)


def put_back(root: Path) -> None:
    other = root.with_name(root.name + "-away")
    if other.exists():
        other.rename(root)


def test_segment_and_init_segment_come_to_three_nodes(database: Database, segment: SegmentRow) -> None:
    assert len(recorded(database, segment.object_key)) == 1
    assert deliver("place_segment", encoded(segment)).status_code == 204
    for key, data in ((segment.object_key, segment.data), (segment.init_key, segment.init)):
        assert recorded(database, key) == holders(key, data) == ALL
    assert placed(database, segment)
    assert events(database, PLACED, segment.video_id) == [
        {"video_id": segment.video_id, "segment_id": segment.id, "object_key": segment.object_key}
    ]


def test_twice_is_as_once(database: Database, segment: SegmentRow) -> None:
    for event_id in ("one", "one", "two"):  # the same delivery again, and another event of the same segment
        assert deliver("place_segment", encoded(segment), event_id + segment.id).status_code == 204
    assert len(events(database, PLACED, segment.video_id)) == 1


def test_two_at_once_tell_of_it_once(database: Database, segment: SegmentRow) -> None:
    lock = "select 1 from media_segment where id = %s for update"
    with at_once(database, lock, (segment.id,), 2) as pool:
        answers = [pool.submit(deliver, "place_segment", encoded(segment)) for _ in range(2)]
    assert [answer.result().status_code for answer in answers] == [204, 204]
    assert holders(segment.object_key, segment.data) == ALL
    assert len(events(database, PLACED, segment.video_id)) == 1


def test_segments_side_by_side_share_their_init_segment(database: Database) -> None:
    segments = make_segments(database, make_video(database, "owner"), ["720p", "360p"], 4)
    answers = at_the_same_time(*(lambda s=s: deliver("place_segment", encoded(s)).status_code for s in segments))
    assert answers == [204] * 8
    for segment in segments:
        assert holders(segment.object_key, segment.data) == holders(segment.init_key, segment.init) == ALL
    assert len(events(database, PLACED, segments[0].video_id)) == 8


def test_as_many_replicas_as_are_asked_for(
    database: Database, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATION_FACTOR", "2")
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert len(holders(segment.object_key, segment.data)) == 2
    assert placed(database, segment)


def test_one_replica_is_placed_where_it_is(
    database: Database, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATION_FACTOR", "1")
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert len(holders(segment.object_key, segment.data)) == 1
    assert placed(database, segment)


def test_fewer_nodes_than_replicas_must_do_and_is_said_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REPLICATION_FACTOR", "5")
    segments = make_segments(database, make_video(database, "owner"), ["720p"], 2)
    with caplog.at_level(logging.WARNING, "wadi.storage"):
        for segment in segments:
            assert deliver("place_segment", encoded(segment)).status_code == 204
            assert holders(segment.object_key, segment.data) == ALL
            assert placed(database, segment)
    assert len([record for record in caplog.records if "REPLICATION_FACTOR" in record.getMessage()]) == 1


def test_a_node_that_is_gone_is_waited_for(database: Database, segment: SegmentRow, away: list[Path]) -> None:
    (first,) = recorded(database, segment.object_key)
    gone = sorted(ALL - {first} - recorded(database, segment.init_key))[0]
    root = local_stores()[gone].root
    take_out(root, away)
    answer = deliver("place_segment", encoded(segment))
    assert answer.status_code == 503  # retried
    assert not placed(database, segment)
    assert events(database, PLACED, segment.video_id) == []
    assert recorded(database, segment.object_key) == ALL - {gone}  # what could be done is done and kept
    assert not root.exists()
    put_back(root)
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert holders(segment.object_key, segment.data) == ALL
    assert placed(database, segment)


def test_a_node_that_is_gone_is_replaced_by_another(
    database: Database, segment: SegmentRow, away: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATION_FACTOR", "2")
    gone = sorted(ALL - recorded(database, segment.object_key) - recorded(database, segment.init_key))[0]
    take_out(local_stores()[gone].root, away)
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert holders(segment.object_key, segment.data) == ALL - {gone}
    assert placed(database, segment)


def test_the_only_replica_on_a_node_that_is_gone_is_waited_for(
    database: Database, segment: SegmentRow, away: list[Path]
) -> None:
    (first,) = recorded(database, segment.object_key)
    root = local_stores()[first].root
    take_out(root, away)
    assert deliver("place_segment", encoded(segment)).status_code == 503
    assert not placed(database, segment)
    put_back(root)
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert placed(database, segment)


def test_a_full_node_is_not_counted(database: Database, segment: SegmentRow, away: list[Path]) -> None:
    """The drafts of a node lead to /dev/full, where every write fails as it does on a full disk."""
    (first,) = recorded(database, segment.object_key)
    full = sorted(ALL - {first})[0]
    drafts = local_stores()[full].root / "tmp"
    drafts.rmdir()
    drafts.symlink_to("/dev/full")
    try:
        assert deliver("place_segment", encoded(segment)).status_code == 503
        assert not placed(database, segment)
        assert full not in recorded(database, segment.object_key)
    finally:
        drafts.unlink()
        drafts.mkdir()
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert holders(segment.object_key, segment.data) == ALL


def test_a_corrupt_replica_is_not_spread_and_is_written_anew(
    database: Database, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = recorded(database, segment.object_key)
    monkeypatch.setenv("REPLICATION_FACTOR", "2")
    assert deliver("place_segment", encoded(segment)).status_code == 204
    monkeypatch.delenv("REPLICATION_FACTOR")
    path = file_of(first, segment.object_key)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    database.all("update media_segment set placed_at = null where id = %s", (segment.id,))
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert holders(segment.object_key, segment.data) == ALL


def test_a_corrupt_only_replica_is_never_placed(database: Database, segment: SegmentRow) -> None:
    (first,) = recorded(database, segment.object_key)
    file_of(first, segment.object_key).write_bytes(b"x" * len(segment.data))
    assert deliver("place_segment", encoded(segment)).status_code == 503
    assert not placed(database, segment)
    assert recorded(database, segment.object_key) == {first}
    assert all(local_stores()[node].size(segment.object_key) is None for node in ALL - {first})


@pytest.mark.parametrize("harm", ["missing", "cut short"])
def test_a_recorded_replica_that_is_not_there_is_written_anew(
    database: Database, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setenv("REPLICATION_FACTOR", "2")
    assert deliver("place_segment", encoded(segment)).status_code == 204
    path = file_of(sorted(recorded(database, segment.object_key))[0], segment.object_key)
    path.unlink() if harm == "missing" else path.write_bytes(segment.data[:10])
    database.all("update media_segment set placed_at = null where id = %s", (segment.id,))
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert recorded(database, segment.object_key) >= holders(segment.object_key, segment.data)
    assert len(holders(segment.object_key, segment.data)) == 2


def test_a_video_that_was_deleted_is_no_trouble(database: Database, segment: SegmentRow) -> None:
    database.all("delete from video where id = %s", (segment.video_id,))
    assert deliver("place_segment", encoded(segment)).status_code == 204
    assert events(database, PLACED, segment.video_id) == []


def test_a_segment_that_was_encoded_again_is_not_placed_by_the_old_event(
    database: Database, segment: SegmentRow
) -> None:
    old = encoded(segment)
    database.all("update media_segment set object_key = 'videos/x/new.m4s' where id = %s", (segment.id,))
    assert deliver("place_segment", old).status_code == 204
    assert not placed(database, segment)


def test_an_event_that_is_none_is_refused(database: Database) -> None:
    answer = create_app("place_segment").test_client().post("/", data=b"{}", content_type="application/json")
    assert answer.status_code == 400
