"""publish_video: the fan-in. However its events come, a video becomes playable once and ready once."""

import itertools

import pytest

from events import SegmentEncoded, VideoPlayable, VideoReady
from tests.conftest import Database
from tests.films.film import Film, absent, long_file, planned, short_file, silent_file, tracks_file
from tests.functions.people import Person, at_once
from tests.functions.waking import deliver


@pytest.fixture(scope="module")
def first(database: Database, creator: Person) -> Film:
    return planned(database, creator, long_file())


@pytest.fixture
def film(first: Film) -> Film:
    """Planned: three segments of two rungs, and sound."""
    return first.twin()


def publish(*events: SegmentEncoded) -> None:
    for event in events:
        assert deliver("publish_video", event).status_code == 204


def news(film: Film) -> list[type]:
    return [type(event) for event in film.sent(VideoPlayable, VideoReady)]


def everything(film: Film, *more: str) -> list[SegmentEncoded]:
    return [film.encoded(*which) for which in itertools.product(["360p", "480p", "audio", *more], range(3))]


def test_playable_with_the_first_picture_and_the_first_sound_ready_with_all(film: Film) -> None:
    publish(film.encoded("480p", 0), film.encoded("360p", 1), film.encoded("480p", 1), film.encoded("360p", 2))
    assert film.state == "planned"
    publish(film.encoded("360p", 0))
    assert film.state == "planned", "the sound is missing"
    publish(film.encoded("audio", 0))
    assert film.state == "playable"
    assert film.row["playable_at"] is not None
    publish(film.encoded("480p", 2))
    assert (film.state, film.row["ready_at"]) == ("playable", None)
    publish(film.encoded("audio", 1))
    publish(film.encoded("audio", 2))
    assert film.state == "ready"
    assert film.row["ready_at"] >= film.row["playable_at"]
    assert news(film) == [VideoPlayable, VideoReady]


def test_without_sound_the_first_picture_is_enough(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    publish(film.encoded("180p", 0))
    assert film.state == "ready"
    assert news(film) == [VideoPlayable, VideoReady]


def test_every_track_is_waited_for_but_only_the_default_one_to_be_playable(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    *others, last = everything(film, "audio-2")
    film.database.all("update media_segment set object_key = null where rendition = 'audio-2'")
    publish(*others)
    assert film.state == "playable"
    film.encoded("audio-2", 0), film.encoded("audio-2", 1)
    publish(film.encoded("audio-2", 2))
    assert (film.state, last.rendition) == ("ready", "audio-2")


def test_events_that_come_late_find_everything_there(film: Film) -> None:
    events = everything(film)
    publish(*reversed(events))
    assert film.state == "ready"
    assert news(film) == [VideoPlayable, VideoReady]


def test_every_event_three_times_in_any_order(film: Film) -> None:
    events = everything(film)
    for event in [*events, *reversed(events)]:
        for _ in range(2):
            assert deliver("publish_video", event, event.segment_id).status_code == 204
    publish(*events)
    assert news(film) == [VideoPlayable, VideoReady]


def test_of_the_last_two_at_once_one_makes_it_ready(film: Film) -> None:
    *before, last, other = everything(film)
    film.database.all(
        "update media_segment set object_key = null where id in %s", ((last.segment_id, other.segment_id),)
    )
    publish(*before)
    assert film.state == "playable"
    for event in (last, other):
        film.database.all(
            "update media_segment set object_key = %s where id = %s", (event.object_key, event.segment_id)
        )
    with at_once(film.database, "select 1 from video where id = %s for update", (film.id,), waiting=2) as pool:
        answers = [pool.submit(deliver, "publish_video", event) for event in (last, other)]
    assert [answer.result().status_code for answer in answers] == [204, 204]
    assert film.state == "ready"
    assert news(film) == [VideoPlayable, VideoReady]


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_too_late_nothing_happens(film: Film, state: str) -> None:
    event = everything(film)[0]
    film.set(state=state)
    publish(event)
    assert (film.state, news(film)) == (state, [])


def test_of_a_deleted_video_nothing_happens(database: Database, creator: Person) -> None:
    film = absent(database, creator)
    publish(SegmentEncoded(film.id, "s", "360p", 0, "k", "i"))
    assert film.sent() == []


def test_what_is_new_is_progress_and_an_echo_is_none(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.set(attempts=2)
    film.ago("updated_at", 1000)
    event = film.encoded("180p", 0)
    publish(event)
    assert film.row["attempts"] == 0
    progress = film.row["updated_at"]
    film.set(attempts=2)
    publish(event)
    assert (film.row["attempts"], film.row["updated_at"]) == (2, progress)
