"""The caller's own account."""

import time

import pytest

from shared.identity import Role, issue_access_token
from tests.conftest import Database
from tests.functions.people import Person, account, assert_problem, registered

pytestmark = pytest.mark.usefixtures("database", "wadi")
PATH = "/api/auth/me"


def test_answers_the_account() -> None:
    person, tokens = registered("ada@example.org", name="Ada")
    answer = person.get("me", PATH)
    assert answer.status_code == 200
    assert answer.json == tokens["user"]
    assert "password" not in answer.text


@pytest.mark.parametrize("role", list(Role))
def test_answers_every_role(role: Role, database: Database) -> None:
    answer = account(database, "Somebody", role).get("me", PATH)
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["role"] == role.value


def test_needs_a_token() -> None:
    answer = Person().get("me", PATH)
    assert_problem(answer, 401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_refuses_an_expired_token() -> None:
    token, seconds = issue_access_token("somebody", Role.USER, now=time.time() - 24 * 3600)
    assert seconds == 24 * 3600
    assert "expired" in assert_problem(Person(token).get("me", PATH), 401, "not-authenticated")["detail"]


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "\u00e4"])
def test_refuses_what_is_no_token(token: str) -> None:
    assert_problem(Person(token).get("me", PATH), 401, "not-authenticated")


def test_refuses_the_token_of_a_deleted_account(database: Database) -> None:
    person = account(database, "Gone")
    database.all("delete from account where id = %s", (person.user_id,))
    assert "no longer exists" in assert_problem(person.get("me", PATH), 401, "not-authenticated")["detail"]
