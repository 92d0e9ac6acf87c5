"""What was said in a video's room."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem, say

pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture(scope="module")
def ada(database: Database, wadi: object) -> Person:
    return account(database, "Ada")


@pytest.fixture(scope="module")
def room(ada: Person, database: Database) -> str:
    room = ready_video(database, ada)
    for number in range(5):
        say(ada, room, f"message {number}")
    say(ada, ready_video(database, ada), "in another room")
    return room


def page(room: str, **query: Any) -> tuple[list[str], bool]:
    answer = Person().get("list_messages", f"/api/videos/{room}/messages", **query)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return [message["body"].removeprefix("message ") for message in answer.json["messages"]], answer.json["more"]


def ids(room: str, database: Database) -> list[str]:
    return [row["id"] for row in database.all("select id from message where video_id = %s order by seq", (room,))]


def test_answers_all_the_oldest_first(room: str) -> None:
    assert page(room) == (["0", "1", "2", "3", "4"], False)


def test_messages_are_as_they_were_sent(ada: Person, database: Database) -> None:
    room = ready_video(database, ada)
    sent = say(ada, room, "hello")
    answer = Person().get("list_messages", f"/api/videos/{room}/messages")
    assert answer.json == {"messages": [sent], "more": False}


def test_an_empty_room(ada: Person, database: Database) -> None:
    assert page(ready_video(database, ada)) == ([], False)


def test_with_a_limit_the_latest_come_first(room: str) -> None:
    assert page(room, limit=2) == (["3", "4"], True)
    assert page(room, limit=5) == (["0", "1", "2", "3", "4"], False)


def test_scrolls_up(room: str, database: Database) -> None:
    known = ids(room, database)
    assert page(room, limit=2, before=known[3]) == (["1", "2"], True)
    assert page(room, limit=2, before=known[1]) == (["0"], False)
    assert page(room, limit=2, before=known[0]) == ([], False)


def test_polls_for_news(room: str, database: Database) -> None:
    known = ids(room, database)
    assert page(room, limit=2, after=known[0]) == (["1", "2"], True)
    assert page(room, limit=2, after=known[2]) == (["3", "4"], False)
    assert page(room, limit=2, after=known[4]) == ([], False)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "many"},
        {"before": "none"},
        {"after": "none"},
        {"before": "", "after": ""},
    ],
)
def test_refuses(query: dict[str, Any], room: str) -> None:
    answer = Person().get("list_messages", f"/api/videos/{room}/messages", **query)
    assert_problem(answer, 400, "invalid-request")


def test_refuses_a_message_of_another_room(room: str, ada: Person, database: Database) -> None:
    other = say(ada, ready_video(database, ada), "elsewhere")
    answer = Person().get("list_messages", f"/api/videos/{room}/messages", after=other["id"])
    assert_problem(answer, 400, "invalid-request")


def test_needs_a_video() -> None:
    assert_problem(Person().get("list_messages", "/api/videos/none/messages"), 404, "not-found")


def test_private_rooms_are_their_owner_s(ada: Person, database: Database) -> None:
    room = ready_video(database, ada, visibility="private")
    say(ada, room, "secret")
    path = f"/api/videos/{room}/messages"
    for other in (Person(), account(database, "Bob")):
        assert_problem(other.get("list_messages", path), 404, "not-found")
    assert "secret" in ada.get("list_messages", path).text


def test_refuses_a_bad_token(room: str) -> None:
    answer = Person("nonsense").get("list_messages", f"/api/videos/{room}/messages")
    assert_problem(answer, 401, "not-authenticated")
