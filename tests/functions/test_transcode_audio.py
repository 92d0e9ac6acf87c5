"""transcode_audio: the whole track, cut into media segments, each told of once and in order."""

import msgspec
import pytest

from events import AudioPlanned, SegmentEncoded, VideoFailed
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import Film, absent, long_file, planned, short_file, silent_file, tracks_file
from tests.films.stored import recorded, unplugged
from tests.functions.people import Person, assert_problem
from tests.functions.waking import deliver


def transcode(film: Film, *renditions: str) -> None:
    for rendition in renditions or ("audio",):
        answer = deliver("transcode_audio", AudioPlanned(film.id, rendition))
        assert answer.status_code == 204, answer.text


def told(film: Film, rendition: str = "audio") -> list[int]:
    events = [event for event in film.sent(SegmentEncoded) if isinstance(event, SegmentEncoded)]
    return [event.index for event in events if event.rendition == rendition]


def test_the_track_is_cut_like_the_picture_and_told_in_order(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, long_file())
    transcode(film)
    rows = film.segments()
    assert [(row["rendition"], row["index"]) for row in rows] == [("audio", index) for index in range(3)]
    assert told(film) == [0, 1, 2]
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


def test_killed_in_the_middle_what_is_missing_is_done(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    transcode(film)
    first = film.segments()[0]
    database.all("update media_segment set object_key = null where video_id = %s and index = 1", (film.id,))
    transcode(film)
    rows = film.segments()
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert rows[0] == first
    assert told(film) == [0, 1, 2, 1]


def test_each_track_is_encoded_by_an_event_of_its_own(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    assert film.sent(AudioPlanned) == [AudioPlanned(film.id, "audio"), AudioPlanned(film.id, "audio-2")]
    transcode(film, "audio-2")
    assert [(row["rendition"], row["index"]) for row in film.segments()] == [("audio-2", n) for n in range(3)]
    assert (told(film), told(film, "audio-2")) == ([], [0, 1, 2])
    transcode(film, "audio")
    one, other = ([row for row in film.segments() if row["rendition"] == name] for name in ("audio", "audio-2"))
    assert [row["start"] for row in one] == [row["start"] for row in other]
    assert {row["sha256"] for row in one}.isdisjoint(row["sha256"] for row in other), "they are different sounds"


def test_an_event_from_before_there_were_several_is_about_the_default_track() -> None:
    assert msgspec.json.decode(b'{"video_id": "v"}', type=AudioPlanned) == AudioPlanned("v", "audio")


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
    assert (told(film), film.state) == ([], "planned")
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
