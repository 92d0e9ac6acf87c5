"""Everything of a deleted video goes from every node and table; nodes that are away are not waited for."""

from pathlib import Path

import pytest

from events import MessageSent, SegmentEncoded, VideoDeleted, VideoReady
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import make_video, ready_video
from tests.films.stored import make_segments, store_bytes
from tests.functions.deleting import delete, left
from tests.functions.people import Person, say
from tests.functions.uploading import at_the_same_time, everything_stored
from tests.functions.waking import deliver, ping

pytestmark = pytest.mark.usefixtures("wadi")


def remove(video_id: str, event_id: str | None = None) -> int:
    return deliver("remove_video_files", VideoDeleted(video_id), event_id).status_code


def video_with_everything(database: Database, owner: Person) -> str:
    video = ready_video(database, owner, "Everything")
    for segment in make_segments(database, video, ["720p", "360p"], 2):
        event = SegmentEncoded(
            video, segment.id, segment.rendition, segment.index, segment.object_key, segment.init_key
        )
        assert deliver("place_segment", event).status_code == 204
    store_bytes(f"videos/{video}/poster-0123abcd.jpg", b"a poster", video)
    said = say(owner, video, "something")
    deliver("index_video", VideoReady(video))
    deliver("index_message", MessageSent(video, said["id"]))
    return video


def test_all_of_it_goes_and_nothing_else(database: Database, creator: Person) -> None:
    other = video_with_everything(database, creator)
    before, rows = everything_stored(), left(database, other)
    assert rows.keys() >= {"object", "media_segment", "message", "search_document"}
    video = video_with_everything(database, creator)
    delete(creator, video)
    assert remove(video) == 204
    assert left(database, video) == {}
    assert everything_stored() == before
    assert left(database, other) == rows


def test_twice_and_two_at_once_are_as_once(database: Database, creator: Person) -> None:
    video = video_with_everything(database, creator)
    delete(creator, video)
    assert at_the_same_time(*[lambda: remove(video)] * 3) == [204] * 3
    assert remove(video) == 204
    assert left(database, video) == {}


def test_a_video_that_is_not_deleted_is_not_touched(database: Database, creator: Person) -> None:
    video = video_with_everything(database, creator)
    before, rows = everything_stored(), left(database, video)
    assert remove(video) == remove("none") == 204
    assert (everything_stored(), left(database, video)) == (before, rows)


def test_a_node_that_is_away_keeps_nothing_when_it_is_back(database: Database, creator: Person) -> None:
    before = everything_stored()
    video = video_with_everything(database, creator)
    root = local_stores()["node-2"].root
    away = Path(f"{root}-away")
    root.rename(away)
    try:
        delete(creator, video)
        assert remove(video) == 204  # the rest does not wait for it
        assert left(database, video).keys() == {"removal"}
        notes = database.all("select node_id, trouble from removal where video_id = %s", (video,))
        assert {note["node_id"] for note in notes} == {"node-2"}
        assert all(note["trouble"] for note in notes)
        assert not any(video in name for name in everything_stored())
        assert ping("finish_removals").status_code == 204  # still away
        assert left(database, video).keys() == {"removal"}
    finally:
        away.rename(root)
    assert any(video in name for name in everything_stored())
    assert ping("finish_removals").status_code == 204
    assert left(database, video) == {}
    assert everything_stored() == before


def test_shards_go_too(database: Database, creator: Person) -> None:
    video = make_video(database, creator.user_id)
    key = store_bytes(f"videos/{video}/360p/0-0123abcd.m4s", b"an object", video)
    store = local_stores()["node-3"]
    store.put(f"shards/{key}.0", [b"a shard"])
    database.all(
        "insert into shard (object_key, number, node_id, size, sha256, key) values (%s, 0, 'node-3', 7, '', %s)",
        (key, f"shards/{key}.0"),
    )
    delete(creator, video)
    assert remove(video) == 204
    assert store.size(f"shards/{key}.0") is None
    assert left(database, video) == {}
