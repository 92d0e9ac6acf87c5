"""transcode_segment: one piece of a plan becomes media segments in the store, each told of once."""

from pathlib import Path

import pytest

from events import SegmentEncoded, SegmentPlanned
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import Film, absent, long_file, planned, short_file
from tests.films.stored import recorded, unplugged
from tests.functions.people import Person, assert_problem, at_once
from tests.functions.waking import deliver


def there(film: Film) -> list[tuple[str, int]]:
    return [(row["rendition"], row["index"]) for row in film.segments()]


def told(film: Film) -> list[tuple[str, int]]:
    return [(event.rendition, event.index) for event in film.sent(SegmentEncoded)]  # type: ignore[attr-defined]


def transcode(film: Film, index: int, *renditions: str) -> None:
    answer = deliver("transcode_segment", SegmentPlanned(film.id, index, list(renditions)))
    assert answer.status_code == 204, answer.text


def work_left_behind(wadi: Wadi) -> list[Path]:
    return list((wadi.data / "work").iterdir())


def test_what_the_event_names_is_encoded_stored_and_told(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, long_file())
    transcode(film, 1, "480p", "360p")
    assert there(film) == [("360p", 1), ("480p", 1)]
    for row, event in zip(film.segments(), sorted(film.sent(SegmentEncoded), key=lambda e: e.rendition), strict=True):  # type: ignore[attr-defined]
        assert event == SegmentEncoded(film.id, row["id"], row["rendition"], 1, row["object_key"], row["init_key"])
        assert row["frames"] == film.row["plan"]["frames"][1]
        assert row["codecs"].startswith("avc1.")
        assert row["encoded_at"] is not None
        assert row["placed_at"] is None
        for key in (row["object_key"], row["init_key"]):
            (node,) = recorded(database, key)
            data = b"".join(local_stores()[node].open(key))
            assert data[4:8] in (b"ftyp", b"styp", b"moof")
        stored = database.one("select * from object where key = %s", (row["object_key"],))
        assert stored is not None
        assert (stored["size"], stored["sha256"], stored["video_id"]) == (row["size"], row["sha256"], film.id)
    assert work_left_behind(wadi) == []


def file_of(key: str, database: Database) -> tuple[int, int]:
    """What tells the file from another one with the same bytes."""
    (node,) = recorded(database, key)
    path = local_stores()[node].local_path(key)
    assert path is not None
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_only_what_is_missing_is_encoded(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    transcode(film, 0, "360p")
    first = film.segments()
    written = file_of(first[0]["object_key"], database)
    transcode(film, 0, "480p", "360p")
    assert there(film) == [("360p", 0), ("480p", 0)]
    assert film.segments()[:1] == first
    assert file_of(first[0]["object_key"], database) == written, "it was not even written again"
    assert told(film) == [("360p", 0), ("480p", 0)]


def test_delivered_again_nothing_happens(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    event = SegmentPlanned(film.id, 0, ["180p"])
    assert deliver("transcode_segment", event, film.id).status_code == 204
    before = film.segments()
    film.lose_source()  # nobody needs it any more
    assert deliver("transcode_segment", event, film.id).status_code == 204
    assert deliver("transcode_segment", event).status_code == 204
    assert (film.segments(), film.state) == (before, "planned")
    assert told(film) == [("180p", 0)]


def test_encoded_by_two_at_once_it_is_told_once_of_the_bytes_that_count(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    event = SegmentPlanned(film.id, 0, ["180p"])
    lock = "select 1 from media_segment where video_id = %s for update"
    with at_once(database, lock, (film.id,), waiting=2) as pool:
        answers = [pool.submit(deliver, "transcode_segment", event) for _ in range(2)]
    assert [answer.result().status_code for answer in answers] == [204, 204]
    (row,) = film.segments()
    (sent,) = film.sent(SegmentEncoded)
    assert isinstance(sent, SegmentEncoded)
    assert (sent.object_key, sent.segment_id) == (row["object_key"], row["id"])
    assert recorded(database, row["object_key"])


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_too_late_nothing_happens(database: Database, creator: Person, state: str) -> None:
    film = planned(database, creator, short_file())
    film.set(state=state)
    transcode(film, 0, "180p")
    assert (there(film), told(film), film.state) == ([], [], state)


def test_of_a_deleted_video_nothing_happens(database: Database, creator: Person) -> None:
    film = absent(database, creator)
    transcode(film, 0, "180p")
    assert film.sent() == []


def test_deleted_in_the_middle_nothing_is_told(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    lock = "select 1 from media_segment where video_id = %s for update"
    with at_once(database, lock, (film.id,), waiting=2) as pool:
        answer = pool.submit(deliver, "transcode_segment", SegmentPlanned(film.id, 0, ["180p"]))
        pool.submit(database.all, "delete from video where id = %s", (film.id,))
    assert answer.result().status_code in (204, 503)
    assert deliver("transcode_segment", SegmentPlanned(film.id, 0, ["180p"])).status_code == 204
    assert film.segments() == []


def test_while_the_file_cannot_be_read_it_is_tried_again(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, short_file())
    event = SegmentPlanned(film.id, 0, ["180p"])
    with unplugged(database, film.row["source_key"]):
        assert_problem(deliver("transcode_segment", event, film.id), 503, "unavailable")
    assert (there(film), told(film), film.state) == ([], [], "planned")
    assert work_left_behind(wadi) == []
    assert deliver("transcode_segment", event, film.id).status_code == 204
    assert there(film) == [("180p", 0)]


def test_a_disk_that_takes_no_work_is_trouble_of_ours(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, short_file())
    event = SegmentPlanned(film.id, 0, ["180p"])
    work = wadi.data / "work"
    work.rename(wadi.data / "away")
    work.write_text("no directory")
    try:
        assert_problem(deliver("transcode_segment", event, film.id), 503, "unavailable")
    finally:
        work.unlink()
        (wadi.data / "away").rename(work)
    assert (there(film), film.state) == ([], "planned")
    assert deliver("transcode_segment", event, film.id).status_code == 204
