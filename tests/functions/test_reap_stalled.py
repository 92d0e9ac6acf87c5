"""reap_stalled: whatever was lost, nothing waits for ever. Every kind of stall, taken up or come to a visible end."""

import os
import time
from collections.abc import Callable

import pytest

from events import (
    AudioPlanned,
    Event,
    SegmentEncoded,
    SegmentPlanned,
    VideoFailed,
    VideoPlanned,
    VideoReady,
    VideoUploaded,
)
from tests.conftest import Database, Wadi
from tests.films.film import Film, finished, long_file, planned, short_file, uploaded
from tests.functions.people import Person, assert_problem
from tests.functions.waking import ping

AFTER = 1_000_000  # STALLED_AFTER_SECONDS: so long that nothing stalls but what a test makes older
TRIES = 2  # MAX_ATTEMPTS


@pytest.fixture(autouse=True)
def _settings(database: Database, wadi: Wadi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STALLED_AFTER_SECONDS", str(AFTER))
    monkeypatch.setenv("MAX_ATTEMPTS", str(TRIES))
    database.all("delete from delivery")


def reap(film: Film) -> list[Event]:
    """What it asks for again."""
    before = len(film.sent())
    assert ping("reap_stalled").status_code == 204
    return film.sent()[before:]


def stalled(film: Film) -> Film:
    for column in ("updated_at", "uploaded_at", "planned_at", "ready_at"):
        if film.row[column]:
            film.ago(column, AFTER + 10)
    film.database.all(
        "update media_segment set encoded_at = now() - make_interval(secs => %s)"
        " where video_id = %s and encoded_at is not null",
        (AFTER + 10, film.id),
    )
    return film


def without_side_branches(film: Film) -> Film:
    film.set(thumbnails_done=True, subtitles_done=True)
    film.ago("indexed_at", 0)
    film.database.all("update media_segment set placed_at = now() where video_id = %s", (film.id,))
    return film


def unplanned(database: Database, creator: Person) -> Film:
    return uploaded(database, creator, short_file())


def unencoded(database: Database, creator: Person) -> Film:
    return without_side_branches(planned(database, creator, short_file()))


def silent_yet(database: Database, creator: Person) -> Film:
    film = planned(database, creator, short_file())
    film.run("transcode_segment", "publish_video")
    return without_side_branches(film)


def uncounted(database: Database, creator: Person) -> Film:
    film = planned(database, creator, short_file())
    film.run("transcode_segment", "transcode_audio")
    return without_side_branches(film)


def complete(database: Database, creator: Person) -> Film:
    return without_side_branches(finished(database, creator, short_file()))


Kind = Callable[[Database, Person], Film]
Make = Callable[[Kind], Film]


@pytest.fixture(scope="module")
def made(database: Database, creator: Person) -> Make:
    """A film of a kind; the first one is really made, the others are its twins."""
    first: dict[Kind, Film] = {}

    def make(kind: Kind) -> Film:
        if kind not in first:
            first[kind] = kind(database, creator)
        return first[kind].twin()

    return make


def sent_again(film: Film) -> dict[Kind, list[Event]]:
    row = film.row
    segments = film.segments()
    counted: list[Event] = [
        SegmentEncoded(film.id, s["id"], s["rendition"], s["index"], s["object_key"], s["init_key"]) for s in segments
    ]
    return {
        unplanned: [VideoUploaded(film.id, row["source_key"], row["source_name"], row["source_size"])],
        unencoded: [SegmentPlanned(film.id, 0, ["180p"]), AudioPlanned(film.id)],
        silent_yet: [AudioPlanned(film.id)],
        uncounted: counted[:1],
    }


KINDS = [unplanned, unencoded, silent_yet, uncounted]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stalled_video_is_taken_up_and_ends_ready(made: Make, kind: Kind) -> None:
    film = stalled(made(kind))
    asked = reap(film)
    assert asked == sent_again(film)[kind]
    assert film.row["attempts"] == 1
    assert reap(film) == [], "it has begun to move"
    film.run("plan_video", "transcode_segment", "transcode_audio", "publish_video")
    assert (film.state, film.row["attempts"]) == ("ready", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_was_taken_up_in_vain_fails_visibly(made: Make, kind: Kind) -> None:
    film = made(kind)
    for attempt in range(1, TRIES + 1):
        assert reap(stalled(film)) == sent_again(film)[kind]
        assert film.row["attempts"] == attempt
    (failed,) = reap(stalled(film))
    assert failed == VideoFailed(film.id, film.row["reason"])
    assert film.state == "failed"
    assert str(TRIES) in film.row["reason"]
    assert reap(stalled(film)) == []


def test_only_what_is_missing_is_asked_for(database: Database, creator: Person) -> None:
    film = without_side_branches(planned(database, creator, long_file()))
    for which in [("360p", 0), ("480p", 1), ("360p", 2), ("480p", 2)]:
        film.encoded(*which)
    for index in range(3):
        film.encoded("audio", index)
    assert reap(stalled(without_side_branches(film))) == [
        SegmentPlanned(film.id, 0, ["480p"]),
        SegmentPlanned(film.id, 1, ["360p"]),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_moved_lately_is_left_alone(made: Make, kind: Kind) -> None:
    film = stalled(made(kind))
    film.ago("updated_at", AFTER - 50)
    assert reap(film) == []
    assert film.row["attempts"] == 0


@pytest.mark.parametrize("key", ["{}", "{}/0", "{}/12"])
def test_one_that_is_owed_a_delivery_is_left_alone(database: Database, made: Make, key: str) -> None:
    """Somebody is at work on it, or its turn will come: deliveries are retried by their source."""
    film = stalled(made(unencoded))
    owed = "insert into delivery (consumer_group, position, topic, key) values ('g', 1, 't', %s)"
    database.all(owed, (key.format(film.id),))
    assert reap(film) == []
    database.all("delete from delivery")
    database.all(owed, (key.format("another video"),))
    assert len(reap(film)) == 2


def test_one_that_somebody_changes_right_now_is_not_waited_for(database: Database, made: Make) -> None:
    film, other = stalled(made(unencoded)), stalled(made(unencoded))
    db = database.connect()
    try:
        db.cursor().execute("select 1 from video where id = %s for update", (film.id,))
        assert reap(film) == []
    finally:
        db.rollback()  # close alone does not wait until the server has let go of the lock
        db.close()
    assert other.row["attempts"] == 1
    assert len(reap(film)) == 2


@pytest.mark.parametrize("state", ["uploading", "failed", "ready"])
def test_one_that_waits_for_nothing_is_left_alone(made: Make, state: str) -> None:
    film = stalled(made(unencoded))
    film.set(state=state)
    film.ago("ready_at", AFTER + 10)
    assert reap(film) == []
    assert (film.state, film.row["attempts"]) == (state, 0)


# --- side branches: they keep no video from being ready, and are never given up


@pytest.fixture
def ready(made: Make) -> Film:
    return stalled(made(complete))


def test_a_video_with_all_its_branches_is_left_alone(ready: Film) -> None:
    assert reap(ready) == []


def test_a_segment_without_its_replicas_is_placed(ready: Film) -> None:
    (row, *_) = ready.segments()
    ready.database.all("update media_segment set placed_at = null where id = %s", (row["id"],))
    assert reap(ready) == [
        SegmentEncoded(ready.id, row["id"], row["rendition"], row["index"], row["object_key"], row["init_key"])
    ]
    ready.run("place_segment")
    assert all(segment["placed_at"] for segment in ready.segments())
    assert reap(stalled(ready)) == []


def test_a_video_that_is_not_found_is_indexed(ready: Film) -> None:
    ready.set(indexed_at=None)
    assert reap(ready) == [VideoReady(ready.id)]
    ready.run("index_video")
    assert reap(stalled(ready)) == []


def test_a_video_without_pictures_gets_them(ready: Film) -> None:
    ready.set(thumbnails_done=False, poster_key=None, storyboard=None)
    assert reap(ready) == [VideoPlanned(ready.id)]
    ready.run("make_thumbnails")
    assert ready.row["poster_key"]
    assert reap(stalled(ready)) == []


def test_a_video_without_its_subtitles_gets_them(ready: Film) -> None:
    ready.set(subtitles_done=False)
    assert reap(ready) == [VideoPlanned(ready.id)]
    ready.run("extract_subtitles")
    assert ready.row["subtitles_done"]
    assert reap(stalled(ready)) == []


BRANCHES = {
    "place": ("update media_segment set placed_at = null where video_id = %s", "encoded_at"),
    "index": ("update video set indexed_at = null where id = %s", "ready_at"),
    "pictures": ("update video set thumbnails_done = false where id = %s", "planned_at"),
    "subtitles": ("update video set subtitles_done = false where id = %s", "planned_at"),
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_that_is_under_way_is_left_alone(ready: Film, branch: str) -> None:
    undo, column = BRANCHES[branch]
    ready.database.all(undo, (ready.id,))
    assert reap(ready)
    ready.database.all(
        "insert into delivery (consumer_group, position, topic, key) values ('g', 1, 't', %s)", (ready.id,)
    )
    assert reap(ready) == []
    ready.database.all("delete from delivery")
    if column == "encoded_at":
        ready.database.all("update media_segment set encoded_at = now() where video_id = %s", (ready.id,))
    else:
        ready.ago(column, 1)
    assert reap(ready) == []


def test_a_failed_video_needs_no_pictures_and_no_index(made: Make) -> None:
    film = stalled(made(unencoded))
    film.set(state="failed", thumbnails_done=False, subtitles_done=False, indexed_at=None)
    assert reap(film) == []


def test_an_echo_does_not_keep_a_stalled_video_alive(made: Make) -> None:
    """A segment that cannot be placed is told of again and again; its video still stalls, and fails."""
    film = made(silent_yet)
    film.database.all("update media_segment set placed_at = null where video_id = %s", (film.id,))
    seen: list[Event] = []
    for _ in range(TRIES + 1):
        stalled(film)
        seen += reap(film)
        film.run("publish_video")
    assert film.state == "failed"
    assert [type(event) for event in seen].count(SegmentEncoded) == TRIES + 1


# --- what killed processes left on the disk


def test_abandoned_work_is_removed(database: Database, wadi: Wadi) -> None:
    work = wadi.data / "work"
    young, old = work / "transcode_segment-young", work / "transcode_segment-old"
    for folder in (young, old):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "out.mp4").write_bytes(b"half of it")
    two_days_ago = time.time() - 48 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    assert ping("reap_stalled").status_code == 204
    assert (young.exists(), old.exists()) == (True, False)


def test_a_setting_that_makes_no_sense_is_trouble_of_ours(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STALLED_AFTER_SECONDS", "soon")
    problem = assert_problem(ping("reap_stalled"), 503, "unavailable")
    assert "STALLED_AFTER_SECONDS" in problem["detail"]
