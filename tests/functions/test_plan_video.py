"""plan_video: an uploaded file becomes a plan, its segments to be encoded, and the events that ask for them."""

from pathlib import Path

import pytest

from events import AudioPlanned, SegmentPlanned, SegmentPrioritized, VideoFailed, VideoPlanned, VideoUploaded
from shared.identity import Role
from tests.conftest import Database
from tests.films.film import Film, absent, long_file, planned, short_file, silent_file, tracks_file, uploaded
from tests.films.stored import unplugged
from tests.functions.people import Person, account, assert_problem, at_once
from tests.functions.waking import deliver


def upload_of(film: Film) -> VideoUploaded:
    (event,) = film.sent(VideoUploaded)
    assert isinstance(event, VideoUploaded)
    return event


def test_a_plan_and_all_the_work_it_asks_for_most_urgent_first(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    plan = film.row["plan"]
    assert [rendition["name"] for rendition in plan["renditions"]] == ["480p", "360p"]
    assert sum(plan["frames"]) == 140
    assert len(plan["frames"]) == 3
    assert film.row["planned_at"] is not None
    assert film.sent()[1:] == [
        SegmentPlanned(film.id, 0, ["360p"]),
        AudioPlanned(film.id),
        SegmentPlanned(film.id, 0, ["480p"]),
        SegmentPlanned(film.id, 1, ["480p", "360p"]),
        SegmentPlanned(film.id, 2, ["480p", "360p"]),
        VideoPlanned(film.id),
    ]
    rows = film.segments(encoded=False)
    assert [(row["rendition"], row["index"]) for row in rows] == [
        (r, i) for r in ("360p", "480p", "audio") for i in range(3)
    ]
    assert film.segments() == []


def test_the_rungs_are_those_of_the_setting(
    database: Database, creator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADDER", "720p,360p")
    film = planned(database, creator, long_file())
    assert [rendition["name"] for rendition in film.row["plan"]["renditions"]] == ["360p"]


def test_segments_of_an_enterprise_account_have_a_topic_of_their_own(database: Database, creator: Person) -> None:
    film = planned(database, account(database, "Grace", Role.ENTERPRISE), long_file())
    assert film.sent()[1:] == [
        SegmentPrioritized(film.id, 0, ["360p"]),
        AudioPlanned(film.id),
        SegmentPrioritized(film.id, 0, ["480p"]),
        SegmentPrioritized(film.id, 1, ["480p", "360p"]),
        SegmentPrioritized(film.id, 2, ["480p", "360p"]),
        VideoPlanned(film.id),
    ]


def test_without_sound_no_audio_is_waited_for(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    assert {row["rendition"] for row in film.segments(encoded=False)} == {"180p"}
    assert film.sent(AudioPlanned) == []


def test_every_track_is_asked_for_the_default_one_early(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    assert film.sent()[1:5] == [
        SegmentPlanned(film.id, 0, ["360p"]),
        AudioPlanned(film.id, "audio"),
        SegmentPlanned(film.id, 0, ["480p"]),
        AudioPlanned(film.id, "audio-2"),
    ]
    assert {row["rendition"] for row in film.segments(encoded=False)} == {"360p", "480p", "audio", "audio-2"}
    source = film.row["plan"]["source"]
    assert [(track["language"], track["name"]) for track in source["audio"]] == [
        ("de", ""),
        ("en", "Director's commentary"),
    ]
    assert [(track["language"], track["name"], track["forced"]) for track in source["subtitles"]] == [
        ("de", "", False),
        ("", "Signs", True),
    ]
    assert not film.row["subtitles_done"]


def test_without_subtitles_none_are_waited_for(database: Database, creator: Person) -> None:
    assert planned(database, creator, short_file()).row["subtitles_done"]


def test_delivered_again_nothing_happens(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    before, events = film.row, film.sent()
    for _ in range(2):  # as another event, too: two machines may have been told
        assert deliver("plan_video", upload_of(film)).status_code == 204
    assert (film.row, film.sent()) == (before, events)


def test_planned_by_two_at_once_it_has_one_plan(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    event = upload_of(film)
    with at_once(database, "select 1 from video where id = %s for update", (film.id,), waiting=2) as pool:
        answers = [pool.submit(deliver, "plan_video", event) for _ in range(2)]
    assert [answer.result().status_code for answer in answers] == [204, 204]
    assert film.state == "planned"
    assert len(film.sent(VideoPlanned)) == len(film.sent(AudioPlanned)) == 1
    assert len(film.segments(encoded=False)) == 2


@pytest.mark.parametrize("state", ["planned", "playable", "ready", "failed"])
def test_too_late_nothing_happens(database: Database, creator: Person, tmp_path: Path, state: str) -> None:
    file = tmp_path / "no film.mp4"
    file.write_text("Whoever looked at this would say so.")
    film = uploaded(database, creator, file)
    film.set(state=state)
    assert deliver("plan_video", upload_of(film)).status_code == 204
    assert (film.state, film.row["plan"]) == (state, None)
    assert len(film.sent()) == 1


def test_of_a_deleted_video_nothing_happens(database: Database, creator: Person) -> None:
    film = absent(database, creator)
    assert deliver("plan_video", VideoUploaded(film.id, "sources/x", "x.mp4", 1)).status_code == 204
    assert film.sent() == []


@pytest.mark.parametrize(
    ("content", "says"), [(b"This is a text.\n" * 100, "video"), (b"", "empty"), (b"#EXTM3U\nother.ts\n", "video")]
)
def test_a_file_that_is_no_video_fails_with_a_sentence(
    database: Database, creator: Person, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "not really.mp4"
    file.write_bytes(content)
    film = uploaded(database, creator, file)
    film.run("plan_video")
    assert film.state == "failed"
    reason = film.row["reason"]
    assert says in reason
    assert reason.endswith(".")
    assert "/" not in reason, "no path of ours"
    assert film.row["failed_at"] is not None
    assert film.sent()[1:] == [VideoFailed(film.id, reason)]
    assert film.segments(encoded=False) == []


def test_while_the_file_cannot_be_read_it_is_tried_again(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    event = upload_of(film)
    with unplugged(database, event.source_key):
        assert_problem(deliver("plan_video", event, "away"), 503, "unavailable")
    assert film.state == "uploaded"
    assert deliver("plan_video", event, "away").status_code == 204
    assert film.state == "planned"


def test_a_file_that_is_lost_fails_the_video_at_once(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    event = upload_of(film)
    database.all("delete from replica where object_key = %s", (event.source_key,))
    assert deliver("plan_video", event, "lost").status_code == 204
    assert film.state == "failed"
    assert "no longer in the storage" in film.row["reason"]
