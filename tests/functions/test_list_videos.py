"""list_videos: public videos that can be watched, newest first, page by page; and one's own in every state."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.films.film import finished, short_file
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem

STATES = ["uploading", "uploaded", "planned", "playable", "ready", "failed"]


@pytest.fixture(autouse=True)
def _no_others(database: Database) -> None:
    database.all("delete from video")


def listed(person: Person, **query: Any) -> list[str]:
    answer = person.get("list_videos", "/api/videos", **query)
    assert answer.status_code == 200, answer.text
    assert answer.json
    return [video["id"] for video in answer.json["videos"]]


def make(database: Database, owner: Person, state: str, visibility: str = "public") -> str:
    video = ready_video(database, owner, visibility=visibility)
    database.all("update video set state = %s where id = %s", (state, video))
    return video


def in_every_state(database: Database, owner: Person) -> dict[tuple[str, str], str]:
    """Made one after the other, the oldest first."""
    return {
        (state, visibility): make(database, owner, state, visibility)
        for state in STATES
        for visibility in ("public", "private")
    }


def newest_first(ids: Any) -> list[str]:
    return sorted(ids, reverse=True)


def test_everybody_sees_public_videos_that_can_be_watched(database: Database, creator: Person) -> None:
    made = in_every_state(database, creator)
    shown = newest_first([made["playable", "public"], made["ready", "public"]])
    for person in (Person(), creator, account(database, "Bob")):
        assert listed(person) == shown


def test_the_owner_sees_all_of_their_own_and_nobody_elses(database: Database, creator: Person) -> None:
    made = in_every_state(database, creator)
    other = account(database, "Bob")
    theirs = make(database, other, "ready")
    assert listed(creator, owner="me") == newest_first(made.values())
    assert listed(other, owner="me") == [theirs]


def test_owner_me_needs_to_know_who(database: Database, creator: Person) -> None:
    assert_problem(Person().get("list_videos", "/api/videos", owner="me"), 401, "not-authenticated")
    assert_problem(Person().get("list_videos", "/api/videos", owner=creator.user_id), 400, "invalid-request")


def test_a_bad_token_is_refused(database: Database, creator: Person) -> None:
    assert_problem(Person("a.b.c").get("list_videos", "/api/videos"), 401, "not-authenticated")


def test_pages_hold_every_video_once_even_while_others_come(database: Database, creator: Person) -> None:
    made = newest_first(make(database, creator, "ready") for _ in range(7))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        page = Person().get("list_videos", "/api/videos", limit=3, **cursor).json
        assert page
        seen += [video["id"] for video in page["videos"]]
        sizes.append(len(page["videos"]))
        make(database, creator, "ready")  # a newer one: on no page after this
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    assert seen == made
    assert sizes == [3, 3, 1]


def test_a_full_last_page_has_no_next(database: Database, creator: Person) -> None:
    for _ in range(3):
        make(database, creator, "ready")
    assert "next" not in (Person().get("list_videos", "/api/videos", limit=3).json or {})


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
def test_the_size_of_a_page_has_bounds(database: Database, limit: str) -> None:
    problem = assert_problem(Person().get("list_videos", "/api/videos", limit=limit), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "limit"


def test_a_video_is_shown_as_get_video_shows_it(database: Database, creator: Person) -> None:
    film = finished(database, creator, short_file())
    (shown,) = (Person().get("list_videos", "/api/videos").json or {})["videos"]
    assert shown == Person().get("get_video", f"/api/videos/{film.id}").json
