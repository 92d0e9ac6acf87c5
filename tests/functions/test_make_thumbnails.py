"""make_thumbnails: the poster and the storyboard, a side branch: without them a video is still a video."""

import pytest

from events import SegmentPlaced, VideoFailed, VideoPlanned
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import Film, absent, long_file, planned, short_file, uploaded
from tests.films.stored import recorded
from tests.functions.people import Person, assert_problem
from tests.functions.waking import deliver

JPEG = b"\xff\xd8\xff"


def thumbnails(film: Film) -> None:
    answer = deliver("make_thumbnails", VideoPlanned(film.id))
    assert answer.status_code == 204, answer.text


def stored_bytes(database: Database, key: str) -> bytes:
    (node,) = recorded(database, key)
    return b"".join(local_stores()[node].open(key))


def damage(film: Film) -> None:
    film.source_file.write_bytes(b"x" * film.row["source_size"])


def test_a_poster_and_sheets_of_small_pictures(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, long_file())
    thumbnails(film)
    row = film.row
    assert row["thumbnails_done"]
    assert row["poster_key"].startswith(f"videos/{film.id}/poster-")
    assert row["storyboard"]["count"] >= 3
    assert row["storyboard"]["sheets"]
    for key in (row["poster_key"], *row["storyboard"]["sheets"]):
        assert stored_bytes(database, key).startswith(JPEG)
    assert list((wadi.data / "work").iterdir()) == []


def test_delivered_again_nothing_happens(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    thumbnails(film)
    before = film.row, database.all("select * from object where video_id = %s order by key", (film.id,))
    film.lose_source()  # nobody needs it any more
    thumbnails(film)
    assert (film.row, database.all("select * from object where video_id = %s order by key", (film.id,))) == before


def test_before_the_plan_or_after_a_delete_nothing_happens(database: Database, creator: Person) -> None:
    thumbnails(absent(database, creator))
    film = uploaded(database, creator, short_file())
    thumbnails(film)
    assert (film.row["thumbnails_done"], film.row["poster_key"]) == (False, None)


@pytest.mark.parametrize("state", ["playable", "ready"])
def test_late_is_not_too_late(database: Database, creator: Person, state: str) -> None:
    film = planned(database, creator, short_file())
    film.set(state=state)
    thumbnails(film)
    assert (film.state, film.row["thumbnails_done"]) == (state, True)


@pytest.mark.parametrize("broken", [False, True])
def test_the_last_that_a_ready_video_waits_for_lets_its_source_go(
    database: Database, creator: Person, broken: bool
) -> None:
    film = planned(database, creator, short_file())
    if broken:
        damage(film)
    for one in film.segments(encoded=False):
        film.encoded(one["rendition"], one["index"])
    database.all("update media_segment set placed_at = now() where video_id = %s", (film.id,))
    film.set(state="ready")
    thumbnails(film)
    (event,) = film.sent(SegmentPlaced)
    assert deliver("release_source", event).status_code == 204
    assert recorded(database, film.row["source_key"]) == set()


def test_a_video_that_has_more_to_come_keeps_its_source(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.set(state="ready")
    thumbnails(film)
    assert film.sent(SegmentPlaced) == []


def test_where_none_can_be_made_the_video_goes_on_without(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    damage(film)
    thumbnails(film)
    row = film.row
    assert (row["thumbnails_done"], row["poster_key"], row["storyboard"]) == (True, None, None)
    assert film.state == "planned"
    assert film.sent(VideoFailed) == []


def test_while_the_file_cannot_be_read_it_is_tried_again(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    key = film.row["source_key"]
    database.all("delete from replica where object_key = %s", (key,))
    assert_problem(deliver("make_thumbnails", VideoPlanned(film.id), film.id), 503, "unavailable")
    assert not film.row["thumbnails_done"]
    database.all("insert into replica (object_key, node_id) select %s, id from node", (key,))
    assert deliver("make_thumbnails", VideoPlanned(film.id), film.id).status_code == 204
    assert film.row["poster_key"]
