"""transcode_audio: the whole track, cut into media segments, each told of once and in order."""

import pytest

from events import AudioPlanned, SegmentEncoded, VideoFailed
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import Film, absent, long_file, planned, short_file, silent_file
from tests.films.stored import recorded, unplugged
from tests.functions.people import Person, assert_problem
from tests.functions.waking import deliver


def transcode(film: Film) -> None:
    answer = deliver("transcode_audio", AudioPlanned(film.id))
    assert answer.status_code == 204, answer.text


def told(film: Film) -> list[int]:
    events = film.sent(SegmentEncoded)
    assert all(isinstance(event, SegmentEncoded) and event.rendition == "audio" for event in events)
    return [event.index for event in events]  # type: ignore[attr-defined]


def test_the_track_is_cut_like_the_picture_and_told_in_order(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, long_file())
    transcode(film)
    rows = film.segments()
    assert [(row["rendition"], row["index"]) for row in rows] == [("audio", index) for index in range(3)]
    assert told(film) == [0, 1, 2]
    assert film.row["audio_done"]
    assert len({row["init_key"] for row in rows}) == 1
    assert [row["start"] for row in rows[1:]] == [row["start"] + row["duration"] for row in rows[:-1]]
    assert abs(sum(row["duration"] for row in rows) / rows[0]["timescale"] - 28) < 0.05
    assert {row["codecs"] for row in rows} == {"mp4a.40.2"}
    for row in rows:
        (node,) = recorded(database, row["object_key"])
        assert local_stores()[node].size(row["object_key"]) == row["size"]
    assert list((wadi.data / "work").iterdir()) == []


def test_delivered_again_nothing_happens(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    transcode(film)
    before, events = film.segments(), film.sent()
    film.lose_source()  # nobody needs it any more
    transcode(film)
    assert (film.segments(), film.sent(), film.state) == (before, events, "planned")


def test_killed_in_the_middle_what_is_missing_is_done_and_the_end_is_told_again(
    database: Database, creator: Person
) -> None:
    """The last segment's event is what publish_video counts by, so it is told even where it was told before."""
    film = planned(database, creator, long_file())
    transcode(film)
    first = film.segments()[0]
    database.all("delete from media_segment where video_id = %s and rendition = 'audio' and index = 1", (film.id,))
    film.set(audio_done=False)
    transcode(film)
    rows = film.segments()
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert rows[0] == first
    assert told(film) == [0, 1, 2, 1, 2]
    assert film.row["audio_done"]


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_too_late_nothing_happens(database: Database, creator: Person, state: str) -> None:
    film = planned(database, creator, short_file())
    film.set(state=state)
    transcode(film)
    assert (film.segments(), told(film), film.state) == ([], [], state)


def test_of_a_deleted_video_nothing_happens(database: Database, creator: Person) -> None:
    film = absent(database, creator)
    transcode(film)
    assert film.sent() == []


def test_without_sound_there_is_nothing_to_do(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    transcode(film)
    assert (film.segments(), told(film)) == ([], [])


def test_while_the_file_cannot_be_read_it_is_tried_again(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    with unplugged(database, film.row["source_key"]):
        assert_problem(deliver("transcode_audio", AudioPlanned(film.id), film.id), 503, "unavailable")
    assert (told(film), film.row["audio_done"], film.state) == ([], False, "planned")
    assert deliver("transcode_audio", AudioPlanned(film.id), film.id).status_code == 204
    assert told(film) == [0]


def test_a_file_that_turned_out_no_film_fails_with_a_sentence(database: Database, creator: Person) -> None:
    """Its bytes went bad on the disk after it was planned, and no other replica is there."""
    film = planned(database, creator, short_file())
    film.source_file.write_bytes(b"x" * film.row["source_size"])
    transcode(film)
    assert film.state == "failed"
    assert film.sent(VideoFailed) == [VideoFailed(film.id, film.row["reason"])]
    assert film.row["reason"].endswith(".")
    assert told(film) == []
