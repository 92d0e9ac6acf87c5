"""Opening an account."""

import pytest

from shared.identity import Role, verify_access_token
from tests.conftest import Database
from tests.functions.people import PASSWORD, Person, assert_problem, at_once, registered

pytestmark = pytest.mark.usefixtures("database", "wadi")
PATH = "/api/auth/register"


def test_answers_tokens_that_work(database: Database) -> None:
    _, tokens = registered("ada@example.org", name="Ada")
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 24 * 3600
    assert tokens["user"] == {"id": tokens["user"]["id"], "email": "ada@example.org", "name": "Ada", "role": "CREATOR"}
    assert verify_access_token(tokens["access_token"]) == (tokens["user"]["id"], Role.CREATOR)
    again = Person().post("refresh", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 200


def test_stores_neither_the_password_nor_the_refresh_token(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BCRYPT_COST")  # the default
    _, tokens = registered("secret@example.org")
    dump = str(database.all("select * from account, session, refresh_token"))
    assert PASSWORD not in dump
    assert tokens["refresh_token"] not in dump
    row = database.one("select password_hash from account where email = 'secret@example.org'")
    assert row is not None
    assert row["password_hash"].startswith("$2b$12$")


def test_address_is_kept_in_one_spelling() -> None:
    _, tokens = registered("  Grace.Hopper@Example.ORG ")
    assert tokens["user"]["email"] == "grace.hopper@example.org"
    assert tokens["user"]["name"] == "grace.hopper"
    again = Person().post("register", PATH, {"email": "GRACE.hopper@example.org", "password": PASSWORD})
    assert_problem(again, 409, "email-taken")


def test_two_at_once_with_one_address_make_one_account(database: Database) -> None:
    body = {"email": "twins@example.org", "password": PASSWORD}
    with at_once(database, "lock table account in share mode", None, waiting=3) as pool:
        answers = [pool.submit(Person().post, "register", PATH, body) for _ in range(3)]
    assert sorted(answer.result().status_code for answer in answers) == [201, 409, 409]
    row = database.one("select count(*) as n from account where email = 'twins@example.org'")
    assert row == {"n": 1}


@pytest.mark.parametrize(
    ("change", "field", "hint"),
    [
        ({"email": ""}, "email", "Enter an e-mail"),
        ({"email": "nobody"}, "email", "name@example.org"),
        ({"email": "a\u0001b@example.org"}, "email", "name@example.org"),
        ({"email": "x" * 250 + "@example.org"}, "email", "at most 254"),
        ({"password": "short"}, "password", "at least 10"),
        ({"password": "x" * 1025}, "password", "at most 1024"),
        ({"password": "Password123"}, "password", "first that anyone would guess"),
        ({"email": "long.address@example.org", "password": "Long.Address@example.org"}, "password", "e-mail address"),
        ({"name": "x" * 101}, "name", "at most 100"),
        ({"name": "a\u001bb"}, "name", "control characters"),
        ({"email": 7}, "email", "Expected `str`"),
    ],
)
def test_refuses_and_names_the_field(change: dict[str, object], field: str, hint: str, database: Database) -> None:
    before = database.one("select count(*) as n from account")
    body = {"email": "new@example.org", "password": PASSWORD} | change
    problem = assert_problem(Person().post("register", PATH, body), 400, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert hint in problem["errors"][0]["message"]
    assert database.one("select count(*) as n from account") == before


def test_names_every_field_at_fault_at_once() -> None:
    problem = assert_problem(
        Person().post("register", PATH, {"email": "x", "password": "y", "name": "z" * 200}), 400, "invalid-request"
    )
    assert [error["field"] for error in problem["errors"]] == ["email", "password", "name"]


@pytest.mark.parametrize("missing", ["email", "password"])
def test_needs_address_and_password(missing: str) -> None:
    body = {"email": "new@example.org", "password": PASSWORD}
    del body[missing]
    problem = assert_problem(Person().post("register", PATH, body), 400, "invalid-request")
    assert problem["errors"][0]["field"] == missing


def test_nobody_makes_himself_an_administrator() -> None:
    _, tokens = registered("eve@example.org", role="ADMIN")
    assert tokens["user"]["role"] == "CREATOR"


def test_role_of_new_accounts_is_a_setting(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("DEFAULT_ROLE", "USER")
    _, tokens = registered("viewer@example.org")
    assert tokens["user"]["role"] == "USER"
    monkeypatch.setenv("DEFAULT_ROLE", "ADMIN")
    answer = Person().post("register", PATH, {"email": "boss@example.org", "password": PASSWORD})
    assert_problem(answer, 503, "unavailable")
    assert "DEFAULT_ROLE='ADMIN' is neither USER nor CREATOR" in caplog.text


def test_one_client_can_open_so_many_accounts_a_minute() -> None:
    person, other = Person(), Person()
    body = {"email": "x", "password": "y"}
    answers = [person.post("register", PATH, body) for _ in range(41)]  # twice the limit: a minute may end in between
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert_problem(refused, 429, "too-many-requests")
    assert int(refused.headers["Retry-After"]) > 0
    assert answers[19].status_code == 400
    assert other.post("register", PATH, body).status_code == 400
