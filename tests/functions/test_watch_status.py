"""watch_status: the status as server-sent events, one at once, one at each change, and an end."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.runtime.serve import create_app
from tests.conftest import Database
from tests.films.film import Film, absent, planned, silent_file, uploaded
from tests.functions.people import Person, assert_problem
from tests.patience import until


@contextmanager
def watching(film: Film, **query: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The statuses, as they come."""
    headers = {"Authorization": f"Bearer {film.owner.token}"} if not query else {}
    client = create_app("watch_status").test_client()
    answer = client.get(f"/api/videos/{film.id}/status/stream", query_string=query, headers=headers, buffered=False)
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    try:
        yield statuses(answer.response)
    finally:
        answer.close()


def statuses(pieces: Any) -> Iterator[dict[str, Any]]:
    for piece in pieces:
        text = piece.decode()
        assert text.endswith("\n\n")
        if not text.startswith(":"):
            event, data = text.removesuffix("\n\n").split("\n")
            assert event == "event: status"
            yield json.loads(data.removeprefix("data: "))


def test_one_at_once_one_at_each_change_and_an_end(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, silent_file())
    with watching(film) as stream:
        assert next(stream)["stage"] == "uploaded"
        film.run("plan_video")
        assert next(stream)["stage"] == "planned"
        film.run("transcode_segment")
        said = next(stream)
        assert said["renditions"] == [{"name": "180p", "encoded": 1, "total": 1, "placed": 0}]
        film.run("publish_video")
        assert next(stream)["stage"] == "ready"
        film.run("index_video")
        assert next(stream)["stage"] == "indexed"
        assert list(stream) == []


def test_it_says_what_video_status_says(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    with watching(film) as stream:
        assert next(stream) == creator.get("video_status", f"/api/videos/{film.id}/status").json


def test_changes_of_other_videos_are_not_told(database: Database, creator: Person) -> None:
    film, other = planned(database, creator, silent_file()), planned(database, creator, silent_file())
    with watching(film) as stream:
        assert next(stream)["id"] == film.id
        other.run("transcode_segment", "publish_video")
        film.set(title="the same status")
        film.set(state="failed", reason="It rained.")
        assert [said["reason"] for said in stream] == ["It rained."]


def test_the_same_status_is_not_told_twice_and_silence_is_filled(
    database: Database, creator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = planned(database, creator, silent_file())
    client = create_app("watch_status").test_client()
    monkeypatch.setattr(sys.modules["watch_status"], "KEEP_ALIVE", 0.05)  # the module that was loaded last
    answer = client.get(f"/api/videos/{film.id}/status/stream", buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces).startswith(b"event: status")
    film.set(title="of no concern to the status")
    assert next(pieces) == b": still here\n\n"
    answer.close()


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_of_a_video_that_has_come_to_an_end_one_is_all(database: Database, creator: Person, state: str) -> None:
    film = planned(database, creator, silent_file())
    film.set(state=state, reason="It rained." if state == "failed" else None)
    film.ago("indexed_at", 0)
    with watching(film) as stream:
        assert [said["state"] for said in stream] == [state]


def test_a_retry_begins_a_new_stream(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    film.set(state="failed", reason="It rained.")
    with watching(film) as stream:
        assert len(list(stream)) == 1
    film.set(state="planned", reason=None)
    with watching(film) as stream:
        assert next(stream)["stage"] == "planned"


def test_a_deleted_video_ends_its_stream(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    with watching(film) as stream:
        next(stream)
        database.all("delete from media_segment where video_id = %s", (film.id,))
        database.all("delete from video where id = %s", (film.id,))
        database.all("select pg_notify('wadi_video', %s)", (film.id,))
        assert all(said["id"] == film.id for said in stream)


def test_a_private_video_is_for_its_owner_who_may_put_the_token_into_the_address(
    database: Database, creator: Person
) -> None:
    film = uploaded(database, creator, silent_file(), "private")
    with watching(film) as stream:
        assert next(stream)["stage"] == "uploaded"
    assert creator.token
    with watching(film, token=creator.token) as stream:  # EventSource of browsers sends no headers
        assert next(stream)["stage"] == "uploaded"
    for video in (film, absent(database, creator)):
        assert_problem(Person().get("watch_status", f"/api/videos/{video.id}/status/stream"), 404, "not-found")


def test_who_goes_away_leaves_no_connection_behind(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, silent_file())

    def listening() -> int:
        row = database.one(
            "select count(*) as count from pg_stat_activity"
            " where datname = current_database() and query like 'listen wadi_video%'"
        )
        assert row is not None
        return int(row["count"])

    with watching(film) as stream:
        next(stream)
        assert listening() == 1
    until(lambda: listening() == 0, "the connection is closed")
