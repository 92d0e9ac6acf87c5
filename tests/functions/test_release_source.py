"""A source goes when, and only when, its video is ready and all that was made from it is durable."""

from typing import Any

import pytest

from events import SegmentEncoded, SegmentPlaced, VideoReady
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import mark_ready, plan_fitting, plan_segment
from tests.films.stored import SegmentRow, holders, make_segments, recorded, store_bytes
from tests.functions.uploading import BYTES, Uploader, source_bytes
from tests.functions.waking import deliver

ALL = {"node-1", "node-2", "node-3"}
SOURCE = BYTES[:1000]


def place(segment: SegmentRow) -> None:
    event = SegmentEncoded(
        segment.video_id, segment.id, segment.rendition, segment.index, segment.object_key, segment.init_key
    )
    assert deliver("place_segment", event).status_code == 204


def release(segment: SegmentRow) -> None:
    event = SegmentPlaced(segment.video_id, segment.id, segment.object_key)
    assert deliver("release_source", event).status_code == 204


def told_ready(video: dict[str, Any]) -> None:
    assert deliver("release_source", VideoReady(video["id"])).status_code == 204


def source_key(database: Database, video: dict[str, Any]) -> str:
    row = database.one("select source_key from video where id = %s", (video["id"],))
    assert row is not None
    return str(row["source_key"])


def is_there(database: Database, key: str) -> bool:
    on_disk = [store.id for store in local_stores().values() if store.size(key) is not None]
    row = database.one("select 1 from object where key = %s", (key,))
    assert bool(row) == bool(on_disk)
    return bool(on_disk)


def test_it_goes_when_the_video_is_ready_where_all_was_placed_before(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    key = source_key(database, video)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    place(segment)
    release(segment)
    assert is_there(database, key)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    told_ready(video)
    assert not is_there(database, key)


def test_it_stays_when_the_video_is_ready_and_not_all_is_placed(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    told_ready(video)
    assert is_there(database, source_key(database, video))
    place(segment)
    release(segment)


def test_it_goes_with_the_last_segment_of_a_ready_video(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    key = source_key(database, video)
    first, last = make_segments(database, video["id"], ["720p"], 2)
    poster = store_bytes(f"videos/{video['id']}/poster.jpg", b"a picture", video["id"])
    place(first)
    release(first)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    release(first)
    assert is_there(database, key)
    assert source_bytes(database, key) == SOURCE
    place(last)
    release(last)
    assert not is_there(database, key)
    assert recorded(database, key) == set()
    # the poster cannot be made again without the source: it has its replicas before that goes
    assert recorded(database, poster) == holders(poster, b"a picture") == ALL
    assert holders(first.object_key, first.data) == ALL
    release(last)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'playable'",
        "state = 'failed'",
        "thumbnails_done = false",
        "subtitles_done = false",
    ],
)
def test_it_stays_while_somebody_may_read_it(uploader: Uploader, database: Database, change: str) -> None:
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    place(segment)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    database.all(f"update video set {change} where id = %s", (video["id"],))
    release(segment)
    assert source_bytes(database, source_key(database, video)) == SOURCE


def test_it_stays_while_a_segment_is_not_encoded(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    plan_segment(database, video["id"], "360p", 0)
    place(segment)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    release(segment)
    assert is_there(database, source_key(database, video))


def test_it_stays_when_it_is_to_be_kept_and_gets_its_replicas(
    uploader: Uploader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_POLICY", "keep")
    data = BYTES  # of several parts: its checksum is one of parts
    video = uploader.uploaded(data)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    place(segment)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    key = source_key(database, video)
    assert len(holders(key, data)) == 1
    release(segment)
    assert recorded(database, key) == holders(key, data) == ALL


def test_a_policy_that_is_unknown_deletes_nothing(
    uploader: Uploader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_POLICY", "Delete")
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    place(segment)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    answer = deliver("release_source", SegmentPlaced(video["id"], segment.id, segment.object_key))
    assert answer.status_code == 503
    assert "SOURCE_POLICY" in answer.text
    assert is_there(database, source_key(database, video))


def test_a_node_that_is_gone_is_waited_for(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    place(segment)
    plan_fitting(database, video["id"])
    mark_ready(database, video["id"])
    key = source_key(database, video)
    (node_id,) = recorded(database, key)
    root = local_stores()[node_id].root
    away = root.with_name("away")
    root.rename(away)
    try:
        answer = deliver("release_source", SegmentPlaced(video["id"], segment.id, segment.object_key))
        assert answer.status_code == 503
        assert recorded(database, key) == {node_id}  # not forgotten: its bytes are still there
    finally:
        away.rename(root)
    release(segment)
    assert not is_there(database, key)


def test_a_video_that_was_deleted_is_no_trouble(uploader: Uploader, database: Database) -> None:
    video = uploader.uploaded(SOURCE)
    (segment,) = make_segments(database, video["id"], ["720p"], 1)
    database.all("delete from video where id = %s", (video["id"],))
    release(segment)
