"""Each change of a video's state happens from the states it may start from, with its event, and from no other."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from events import Event, VideoDeleted, VideoFailed, VideoPlanned, VideoPlayable, VideoReady, VideoUploaded
from shared.db import Transaction, transaction
from shared.ids import new_id
from shared.media.model import Plan, Ratio, Rendition, SourceInfo
from shared.videos import transitions
from shared.videos.row import VideoRow
from shared.videos.state import State
from tests.conftest import Database

pytestmark = pytest.mark.usefixtures("database")

SOURCE = SourceInfo("mp4", "h264", 640, 360, 0, Ratio(1, 1000), Ratio(25, 1), 0.0, 250, 0, 10_000, False, "", True, [])
PLAN = Plan(SOURCE, [0, 10_000], [250], [Rendition("360p", 640, 360, 800, 1600, "3.0")], Ratio(25, 1), 10, [0])

Row = dict[str, Any]

CALLS: dict[str, Callable[[Transaction, VideoRow], object]] = {
    "source_arrived": lambda tx, video: transitions.source_arrived(tx, video.id, "sources/a", 1),
    "abandon": lambda tx, video: transitions.abandon(tx, video.id),
    "plan": lambda tx, video: transitions.plan(tx, video.id, PLAN),
    "make_playable": lambda tx, video: transitions.make_playable(tx, video.id),
    "make_ready": lambda tx, video: transitions.make_ready(tx, video.id),
    "fail": lambda tx, video: transitions.fail(tx, video.id, "It rained."),
    "retry": transitions.retry,
    "delete": lambda tx, video: transitions.delete(tx, video.id),
    "mark_emptied": lambda tx, video: transitions.mark_emptied(tx, video.id),
}

# Where each transition leads from each state that it may start from; "" is a row that is gone.
LEADS: dict[str, dict[str, str]] = {
    "source_arrived": {"uploading": "uploaded"},
    "abandon": {"uploading": ""},
    "plan": {"uploaded": "planned"},
    "make_playable": {"planned": "playable"},
    "make_ready": {"planned": "ready", "playable": "ready"},
    "fail": {"uploaded": "failed", "planned": "failed", "playable": "failed"},
    "retry": {"failed": "uploaded"},
    "delete": dict.fromkeys(["uploading", "uploaded", "planned", "playable", "ready", "failed"], "deleted"),
    "mark_emptied": {"deleted": "deleted"},
}

PUBLISHES: dict[str, type[Event]] = {
    "source_arrived": VideoUploaded,
    "plan": VideoPlanned,
    "make_playable": VideoPlayable,
    "make_ready": VideoReady,
    "fail": VideoFailed,
    "retry": VideoUploaded,
    "delete": VideoDeleted,
}


def make(database: Database, state: State) -> VideoRow:
    video_id = new_id()
    database.all(
        """
        insert into video (id, owner_id, title, state, source_key, source_name, source_size, deleted_at, updated_at)
        values (%s, 'owner', 'A film', %s, 'sources/a', 'film.mp4', 1, case when %s then now() end,
                now() - interval '1 hour')
        """,
        (video_id, state, state is State.DELETED),
    )
    with transaction() as tx:
        video = tx.one(VideoRow, "select * from video where id = %s", (video_id,))
    assert video is not None
    return video


def published(database: Database, video_id: str) -> list[str]:
    return [row["topic"] for row in database.all("select topic from topic_record where key = %s", (video_id,))]


def test_the_table_of_this_test_is_whole() -> None:
    assert LEADS.keys() == CALLS.keys() == transitions.STARTS.keys()


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("transition", CALLS)
def test_a_transition_starts_where_it_may(database: Database, transition: str, state: State) -> None:
    video = make(database, state)
    before = database.one("select * from video where id = %s", (video.id,))
    with transaction() as tx:
        result = CALLS[transition](tx, video)
    after = database.one("select * from video where id = %s", (video.id,))
    leads = LEADS[transition]
    if state not in leads:
        assert not result
        assert after == before
        assert published(database, video.id) == []
        return
    assert result
    assert (after["state"] if after else "") == leads[state]
    if transition in PUBLISHES:
        assert PUBLISHES[transition].type in published(database, video.id)
        assert after is not None
        assert before is not None
        assert after["updated_at"] > before["updated_at"]
    else:
        assert published(database, video.id) == []


def test_a_rolled_back_transition_publishes_nothing(database: Database) -> None:
    video = make(database, State.PLAYABLE)
    with suppress(ZeroDivisionError), transaction() as tx:
        assert transitions.make_ready(tx, video.id)
        raise ZeroDivisionError
    assert database.one("select state from video where id = %s", (video.id,)) == {"state": "playable"}
    assert published(database, video.id) == []


def test_a_video_that_is_not_there_changes_into_nothing() -> None:
    with transaction() as tx:
        assert transitions.make_ready(tx, new_id()) is None
        assert not transitions.abandon(tx, new_id())


def test_a_new_video_is_uploading(database: Database) -> None:
    video_id = new_id()
    with transaction() as tx:
        transitions.create(
            tx,
            video_id,
            "owner",
            title="A film",
            description="",
            tags=["one"],
            visibility="private",
            source_name="film.mp4",
            source_size=7,
        )
    row = database.one("select * from video where id = %s", (video_id,))
    assert row is not None
    assert (
        row.items()
        >= {
            "state": "uploading",
            "title": "A film",
            "tags": ["one"],
            "visibility": "private",
            "source_name": "film.mp4",
            "source_size": 7,
        }.items()
    )


def test_the_states_are_those_of_the_api_and_of_the_database(database: Database) -> None:
    assert [state.value for state in State] == [
        *("uploading", "uploaded", "planned", "playable", "ready", "failed"),
        "deleted",  # never shown by the API
    ]
    (check,) = [
        row["text"]
        for row in database.all(
            "select pg_get_constraintdef(oid) as text from pg_constraint"
            " where conrelid = 'video'::regclass and contype = 'c'"
        )
        if "uploading" in row["text"]
    ]
    assert set(re.findall(r"'(\w+)'", check)) == set(State)


def test_the_sets_of_states() -> None:
    assert set(transitions.UNFINISHED) == {"uploaded", "planned", "playable"}
    assert set(transitions.ENCODING) == {"planned", "playable"}
