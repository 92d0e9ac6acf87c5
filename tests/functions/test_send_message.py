"""Saying something in a video's room."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.identity import Role
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem, at_once, say

pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture
def ada(database: Database) -> Person:
    return account(database, "Ada")


@pytest.fixture
def bob(database: Database) -> Person:
    return account(database, "Bob", Role.USER)


@pytest.fixture
def room(ada: Person, database: Database) -> str:
    return ready_video(database, ada)


def send(person: Person, room: str, body: Any) -> Any:
    return person.post("send_message", f"/api/videos/{room}/messages", body)


def count(database: Database, room: str) -> int:
    row = database.one("select count(*) as n from message where video_id = %s", (room,))
    assert row is not None
    return int(row["n"])


def test_answers_the_message(bob: Person, room: str) -> None:
    message = say(bob, room, "  What a <b>river</b>!\r\nI was there.  ")
    age = datetime.now(UTC) - datetime.fromisoformat(message["created_at"])
    assert abs(age.total_seconds()) < 60
    assert message == {
        "id": message["id"],
        "video_id": room,
        "author": {"id": bob.user_id, "name": "Bob"},
        "body": "What a <b>river</b>!\nI was there.",
        "created_at": message["created_at"],
    }


def test_tells_of_it_once_with_the_message(bob: Person, room: str, database: Database) -> None:
    message = say(bob, room, "hello")
    sent = database.all("select event from topic_record where topic = 'wadi.message.sent' and key = %s", (room,))
    assert [record["event"]["data"] for record in sent] == [{"video_id": room, "message_id": message["id"]}]
    assert sent[0]["event"]["source"] == "/wadi/send-message"


def test_message_and_event_are_one_transaction(bob: Person, room: str, database: Database) -> None:
    database.all("create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$")
    database.all("create trigger refuse before insert on outbox for each row execute function refuse()")
    try:
        answer = send(bob, room, {"body": "hello"})
    finally:
        database.all("drop function refuse cascade")
    assert answer.status_code >= 500
    assert count(database, room) == 0


@pytest.mark.parametrize("body", ["x" * 2000, "🏞" * 2000, "  " + "x" * 2000 + "\n"])
def test_takes_2000_characters(body: str, bob: Person, room: str) -> None:
    assert say(bob, room, body)["body"] == body.strip()


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, "required"),
        ({"body": ""}, "empty"),
        ({"body": " \n\t "}, "empty"),
        ({"body": "x" * 2001}, "at most 2000"),
        ({"body": "a\u0007b"}, "control"),
        ({"body": "a\u0000b"}, "not allowed"),
        ({"body": 7}, "Expected `str`"),
        ({"body": None}, "Expected `str`"),
    ],
)
def test_refuses(body: dict[str, object], hint: str, bob: Person, room: str, database: Database) -> None:
    problem = assert_problem(send(bob, room, body), 400, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == ["body"]
    assert hint in problem["errors"][0]["message"]
    assert count(database, room) == 0


def test_needs_a_token(room: str, database: Database) -> None:
    assert_problem(send(Person(), room, {"body": "hello"}), 401, "not-authenticated")
    assert count(database, room) == 0


def test_needs_a_video(bob: Person) -> None:
    assert_problem(send(bob, "none", {"body": "hello"}), 404, "not-found")


def test_private_rooms_are_their_owner_s(ada: Person, bob: Person, database: Database) -> None:
    room = ready_video(database, ada, visibility="private")
    assert_problem(send(bob, room, {"body": "hello"}), 404, "not-found")
    assert count(database, room) == 0
    assert send(ada, room, {"body": "hello"}).status_code == 201


def test_who_has_no_account_any_more_says_nothing(bob: Person, room: str, database: Database) -> None:
    database.all("delete from account where id = %s", (bob.user_id,))
    assert_problem(send(bob, room, {"body": "hello"}), 401, "not-authenticated")
    assert count(database, room) == 0


def test_messages_of_one_room_are_written_one_after_the_other(bob: Person, room: str, database: Database) -> None:
    """Else one could get an earlier place than another that readers have already seen."""
    lock = "select pg_advisory_xact_lock(7236, hashtext(%s))"
    with at_once(database, lock, (room,), waiting=3) as pool:
        answers = [pool.submit(send, bob, room, {"body": str(number)}) for number in range(3)]
    assert [answer.result().status_code for answer in answers] == [201] * 3
    rows = database.all("select created_at from message where video_id = %s order by seq", (room,))
    assert rows == sorted(rows, key=lambda row: row["created_at"])
    assert len(rows) == 3


def test_rooms_do_not_wait_for_one_another(bob: Person, room: str, ada: Person, database: Database) -> None:
    other = ready_video(database, ada)
    with at_once(database, "select pg_advisory_xact_lock(7236, hashtext(%s))", (room,), waiting=1) as pool:
        waiting = pool.submit(send, bob, room, {"body": "waits"})
        say(bob, other, "does not")
    assert waiting.result().status_code == 201


def test_one_client_can_say_so_much_a_minute(bob: Person, room: str) -> None:
    answers = [send(bob, room, {"body": ""}) for _ in range(61)]  # twice the limit: a minute may end in between
    assert_problem(next(answer for answer in answers if answer.status_code == 429), 429, "too-many-requests")
    assert answers[29].status_code == 400
