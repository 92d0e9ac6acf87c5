"""retry_video: a failed video is taken up again, with what is still missing of it and nothing else."""

from typing import Any

import pytest

from events import AudioPlanned, SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoReady, VideoUploaded
from shared.db import transaction
from shared.identity import Role
from tests.conftest import Database
from tests.films.film import ENCODERS, Film, absent, long_file, planned, short_file, uploaded
from tests.functions.people import Person, account, assert_problem, at_once


def retry(person: Person, film: Film) -> Any:
    return person.post("retry_video", f"/api/videos/{film.id}/retry")


def fail(film: Film) -> int:
    """It failed; how many events there are by then."""
    film.set(state="failed", reason="It rained.", attempts=2)
    film.ago("failed_at", 1)
    return len(film.sent())


def test_a_plan_that_failed_is_made_again(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    before = fail(film)
    answer = retry(creator, film)
    assert answer.status_code == 202
    assert answer.json["state"] == "uploaded"
    assert "reason" not in answer.json
    row = film.row
    assert (row["state"], row["reason"], row["failed_at"], row["attempts"]) == ("uploaded", None, None, 0)
    assert film.sent()[before:] == [VideoUploaded(film.id, row["source_key"], row["source_name"], row["source_size"])]
    film.run(*ENCODERS, "publish_video")
    assert film.state == "ready"


def test_only_what_is_missing_is_asked_for(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    for which in [("360p", 0), ("480p", 1), ("360p", 2), ("480p", 2)]:
        film.encoded(*which)
    before = fail(film)
    assert retry(creator, film).json["state"] == "planned"
    assert film.sent()[before:] == [
        AudioPlanned(film.id),
        SegmentPlanned(film.id, 0, ["480p"]),
        SegmentPlanned(film.id, 1, ["360p"]),
    ]


def test_an_account_that_is_of_enterprise_by_now_is_asked_for_as_such(database: Database, creator: Person) -> None:
    owner = account(database, "Grace")
    film = planned(database, owner, long_file())
    film.encoded("360p", 2)
    with transaction() as tx:
        tx.execute("update account set role = 'ENTERPRISE' where id = %s", (owner.user_id,))
    before = fail(film)
    assert retry(owner, film).status_code == 202
    assert film.sent(SegmentPrioritized) == [
        SegmentPrioritized(film.id, 0, ["360p"]),
        SegmentPrioritized(film.id, 0, ["480p"]),
        SegmentPrioritized(film.id, 1, ["480p", "360p"]),
        SegmentPrioritized(film.id, 2, ["480p"]),
    ]
    assert len(film.sent()) == before + 5  # and the audio


def test_what_could_be_watched_can_be_watched_again(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    for which in [("360p", 0), ("audio", 0)]:
        film.encoded(*which)
    fail(film)
    assert retry(creator, film).json["state"] == "playable"


def test_where_all_is_encoded_it_is_counted_again(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.run("transcode_segment", "transcode_audio")
    before = fail(film)
    assert retry(creator, film).status_code == 202
    (asked,) = film.sent()[before:]
    assert isinstance(asked, SegmentEncoded)
    film.run("publish_video")
    assert film.state == "ready"
    assert len(film.sent(VideoReady)) == 1


@pytest.mark.parametrize("state", ["uploading", "uploaded", "planned", "playable", "ready"])
def test_only_a_failed_video_can_be_retried(database: Database, creator: Person, state: str) -> None:
    film = uploaded(database, creator, short_file())
    film.set(state=state)
    before = len(film.sent())
    problem = assert_problem(retry(creator, film), 409, "wrong-state")
    assert state in problem["detail"]
    assert (film.state, len(film.sent())) == (state, before)


def test_two_retries_at_once_are_one(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    before = fail(film)
    with at_once(database, "select 1 from video where id = %s for update", (film.id,), waiting=2) as pool:
        answers = [pool.submit(retry, creator, film) for _ in range(2)]
    assert sorted(answer.result().status_code for answer in answers) == [202, 409]
    assert len(film.sent()) == before + 1


def test_without_the_file_there_is_nothing_to_retry(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    fail(film)
    database.all("delete from object where key = %s", (film.row["source_key"],))
    assert_problem(retry(creator, film), 410, "gone")
    assert film.state == "failed"


def test_it_is_for_the_owner_and_administrators(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    fail(film)
    assert_problem(retry(Person(), film), 401, "not-authenticated")
    assert_problem(retry(account(database, "Bob", Role.USER), film), 403, "forbidden")
    assert_problem(retry(account(database, "Bob"), film), 404, "not-found")
    assert_problem(retry(creator, absent(database, creator)), 404, "not-found")
    assert film.state == "failed"
    assert retry(account(database, "Root", Role.ADMIN), film).status_code == 202


def test_a_file_that_went_bad_and_was_mended_ends_ready(database: Database, creator: Person) -> None:
    """The whole way: planned, failed for real, retried, ready."""
    film = planned(database, creator, short_file())
    path = film.source_file
    good = path.read_bytes()
    path.write_bytes(b"x" * len(good))
    film.run("transcode_audio")
    assert film.state == "failed"
    path.write_bytes(good)
    assert retry(creator, film).status_code == 202
    film.run("transcode_segment", "transcode_audio", "publish_video")
    assert film.state == "ready"
