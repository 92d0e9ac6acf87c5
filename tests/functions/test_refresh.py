"""Refresh tokens: exchanged once; a second use ends the session."""

from typing import Any

import pytest

from shared.identity import verify_access_token
from tests.conftest import Database
from tests.functions.people import Person, assert_problem, at_once, registered

pytestmark = pytest.mark.usefixtures("database", "wadi")
NEWEST_SESSION = "select 1 from session order by created_at desc limit 1 for update"


def refresh(token: Any) -> Any:
    return Person().post("refresh", "/api/auth/refresh", {"refresh_token": token})


def test_answers_the_next_tokens() -> None:
    person, first = registered("ada@example.org")
    second = refresh(first["refresh_token"])
    assert second.status_code == 200
    assert second.json["user"] == first["user"]
    assert second.json["refresh_token"] != first["refresh_token"]
    assert verify_access_token(second.json["access_token"]).user_id == person.user_id
    third = refresh(second.json["refresh_token"])
    assert third.status_code == 200


def test_a_second_use_ends_the_whole_session_and_no_other() -> None:
    _, first = registered("stolen@example.org")
    login = {"email": "stolen@example.org", "password": "correct horse battery staple"}
    elsewhere = Person().post("login", "/api/auth/login", login).json
    second = refresh(first["refresh_token"]).json
    problem = assert_problem(refresh(first["refresh_token"]), 401, "invalid-refresh-token")
    assert "used before" in problem["detail"]
    assert "ended" in assert_problem(refresh(second["refresh_token"]), 401, "invalid-refresh-token")["detail"]
    assert elsewhere is not None
    assert refresh(elsewhere["refresh_token"]).status_code == 200


def test_of_several_at_once_exactly_one_wins_and_the_session_lives_on(database: Database) -> None:
    _, first = registered("tabs@example.org")
    with at_once(database, NEWEST_SESSION, None, waiting=4) as pool:
        futures = [pool.submit(refresh, first["refresh_token"]) for _ in range(4)]
    answers = [future.result() for future in futures]
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    winner = next(answer for answer in answers if answer.status_code == 200)
    loser = next(answer for answer in answers if answer.status_code == 401)
    assert "same moment" in assert_problem(loser, 401, "invalid-refresh-token")["detail"]
    assert refresh(winner.json["refresh_token"]).status_code == 200


def test_a_revocation_also_takes_the_token_that_is_being_issued_at_that_moment(database: Database) -> None:
    _, first = registered("race@example.org")
    second = refresh(first["refresh_token"]).json
    with at_once(database, NEWEST_SESSION, None, waiting=2) as pool:
        thief, owner = pool.submit(refresh, first["refresh_token"]), pool.submit(refresh, second["refresh_token"])
    assert thief.result().status_code == 401
    if owner.result().status_code == 200:  # it came first
        assert refresh(owner.result().json["refresh_token"]).status_code == 401


def test_expires_after_seven_days(database: Database) -> None:
    _, tokens = registered("late@example.org")
    row = database.one("select max(expires_at) - now() as left from refresh_token")
    assert row is not None
    assert row["left"].days == 6
    database.all("update refresh_token set expires_at = now() - interval '1 s'")
    problem = assert_problem(refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    assert "expired" in problem["detail"]


def test_takes_up_a_new_role(database: Database) -> None:
    _, tokens = registered("promoted@example.org")
    database.all("update account set role = 'ADMIN' where email = 'promoted@example.org'")
    answer = refresh(tokens["refresh_token"])
    assert answer.json["user"]["role"] == "ADMIN"
    assert verify_access_token(answer.json["access_token"]).role == "ADMIN"


@pytest.mark.parametrize("token", ["", "unknown", "ä" * 5000])
def test_refuses_an_unknown_token(token: str) -> None:
    assert_problem(refresh(token), 401, "invalid-refresh-token")


def test_refuses_an_access_token_and_an_access_token_is_no_refresh_token() -> None:
    person, tokens = registered("mixed@example.org")
    assert_problem(refresh(tokens["access_token"]), 401, "invalid-refresh-token")
    person.token = tokens["refresh_token"]
    assert_problem(person.get("me", "/api/auth/me"), 401, "not-authenticated")


def test_needs_a_token() -> None:
    assert_problem(Person().post("refresh", "/api/auth/refresh", {}), 400, "invalid-request")
    assert_problem(refresh(7), 400, "invalid-request")
