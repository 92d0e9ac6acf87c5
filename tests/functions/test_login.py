"""Logging in."""

from typing import Any

import bcrypt
import pytest

from shared.identity import verify_access_token
from shared.ids import new_id
from tests.conftest import Database
from tests.functions.people import PASSWORD, Person, assert_problem, at_once, registered
from tests.real import need

pytestmark = pytest.mark.usefixtures("database", "wadi")
PATH = "/api/auth/login"


def login(email: str, password: str = PASSWORD) -> Any:
    return Person().post("login", PATH, {"email": email, "password": password})


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that bcrypt was really asked to check."""
    seen: list[bytes] = []
    check = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        seen.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return seen


def test_answers_tokens_of_the_account() -> None:
    person, _ = registered("ada@example.org", name="Ada")
    answer = login(" ADA@example.org")
    assert answer.status_code == 200
    assert answer.json["user"] == {"id": person.user_id, "email": "ada@example.org", "name": "Ada", "role": "CREATOR"}
    assert verify_access_token(answer.json["access_token"]).user_id == person.user_id
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 86400


def test_each_login_is_a_session_of_its_own() -> None:
    _, first = registered("many@example.org")
    second = login("many@example.org").json
    assert Person().post("logout", "/api/auth/logout", {"refresh_token": first["refresh_token"]}).status_code == 204
    kept = Person().post("refresh", "/api/auth/refresh", {"refresh_token": second["refresh_token"]})
    assert kept.status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("known@example.org", "not the right password"),
        ("known@example.org", ""),
        ("known@example.org", PASSWORD.upper()),
        ("known@example.org", "x" * 100_000),
        ("unknown@example.org", PASSWORD),
        ("no address at all", PASSWORD),
        ("", ""),
    ],
)
def test_refuses_all_wrong_credentials_alike_and_after_the_same_work(
    email: str, password: str, checks: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BCRYPT_COST")  # the default
    if login("known@example.org").status_code == 401:
        registered("known@example.org")
    checks.clear()
    answer = login(email, password)
    problem = assert_problem(answer, 401, "invalid-credentials")
    assert problem["detail"] == "Check the e-mail address and the password."
    assert [hashed[:7] for hashed in checks] == [b"$2b$12$"]


def test_long_passwords_count_to_their_last_character() -> None:
    long = "Correct horse. " * 60
    Person().post("register", "/api/auth/register", {"email": "long@example.org", "password": long + "a"})
    assert login("long@example.org", long + "b").status_code == 401
    assert login("long@example.org", long + "a").status_code == 200


def test_password_is_the_same_in_every_unicode_spelling() -> None:
    Person().post(
        "register", "/api/auth/register", {"email": "jose@example.org", "password": "jos\u00e9 y el r\u00edo"}
    )
    assert login("jose@example.org", "jose\u0301 y el ri\u0301o").status_code == 200


def test_a_hash_of_another_cost_is_replaced_at_the_next_login(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCRYPT_COST", "10")
    registered("old@example.org")
    assert _cost(database) == "10"
    monkeypatch.setenv("BCRYPT_COST", "12")
    assert login("old@example.org", "not the right password").status_code == 401
    assert _cost(database) == "10"
    assert login("old@example.org").status_code == 200
    assert _cost(database) == "12"
    assert login("old@example.org").status_code == 200


def _cost(database: Database) -> str:
    row = database.one("select password_hash from account where email = 'old@example.org'")
    assert row is not None
    return str(row["password_hash"]).split("$")[2]


def test_forgets_expired_sessions(database: Database) -> None:
    _, tokens = registered("tidy@example.org")
    database.all("update session set expires_at = now() - interval '1 s'")
    assert login("tidy@example.org").status_code == 200
    sessions = database.one("select count(*) as n from session where account_id = %s", (tokens["user"]["id"],))
    assert sessions == {"n": 1}


def test_one_client_can_try_so_often_a_minute() -> None:
    person = Person()
    body = {"email": "no address at all"}  # refused before any work
    answers = [person.post("login", PATH, body) for _ in range(41)]  # twice the limit: a minute may end in between
    assert_problem(next(answer for answer in answers if answer.status_code == 429), 429, "too-many-requests")
    assert answers[19].status_code == 400


# --- guesses at one account, from many addresses


@pytest.fixture(params=["postgres", "redis"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tries are counted."""
    if request.param == "redis":
        monkeypatch.setenv("REDIS_URL", need("redis"))


@pytest.fixture
def email(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BCRYPT_COST", "10")  # there are many to be made
    return f"{new_id()}@example.org"


def guesses(email: str, number: int) -> list[int]:
    """The answers to wrong passwords, each sent from another address."""
    return [login(email, "not the right password").status_code for _ in range(number)]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("exists", [True, False])
def test_ten_wrong_passwords_close_an_account_to_strangers_for_a_while(
    email: str, exists: bool, checks: list[bytes]
) -> None:
    if exists:
        registered(email)
    assert guesses(email, 10) == [401] * 10
    checks.clear()
    for password in ("not the right password", PASSWORD):
        answer = login(email.upper(), password)
        problem = assert_problem(answer, 429, "too-many-requests")
        assert 0 < problem["retry_after_s"] == int(answer.headers["Retry-After"]) <= 900
        assert problem["detail"] == f"Too many attempts: try again in {problem['retry_after_s']} s."
    assert checks == [], "nothing is compared, whether the account exists or not"


@pytest.mark.usefixtures("counted")
def test_whoever_guesses_does_not_lock_the_owner_out(email: str) -> None:
    owner, _ = registered(email)
    assert guesses(email, 12) == [401] * 10 + [429] * 2
    right = {"email": email, "password": PASSWORD}
    for _ in range(12):
        assert owner.post("login", PATH, right).status_code == 200, "a network that was logged in from is no stranger"
    assert login(email).status_code == 429, "which lets no stranger in"


@pytest.mark.usefixtures("counted")
def test_nor_does_a_known_network_guess_without_end(email: str) -> None:
    owner, _ = registered(email)
    wrong = {"email": email, "password": "not the right password"}
    assert [owner.post("login", PATH, wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    assert login(email).status_code == 200, "others have a count of their own"


@pytest.mark.usefixtures("counted")
def test_the_right_password_takes_the_count_away(email: str) -> None:
    registered(email)
    for _ in range(3):
        assert guesses(email, 9) == [401] * 9
        assert login(email).status_code == 200


def test_a_refused_try_makes_nobody_wait_longer(email: str, database: Database) -> None:
    registered(email)
    guesses(email, 12)
    database.all("update rate_limit set window_start = window_start - interval '600 s' where name = 'login-account'")
    assert int(login(email).headers["Retry-After"]) <= 300
    database.all("update rate_limit set window_start = window_start - interval '300 s' where name = 'login-account'")
    assert login(email).status_code == 200


def test_many_guesses_at_once_are_no_way_around(email: str, database: Database, checks: list[bytes]) -> None:
    registered(email)
    checks.clear()
    with at_once(database, "lock table rate_limit in access exclusive mode", None, 16) as pool:
        answers = [pool.submit(login, email, "not the right password") for _ in range(16)]
    assert sorted(answer.result().status_code for answer in answers) == [401] * 10 + [429] * 6
    assert len(checks) == 10


def test_an_ipv6_household_is_one_network(email: str) -> None:
    owner, _ = registered(email)
    owner.address = "2001:db8:1:2::1"
    assert owner.post("login", PATH, {"email": email, "password": PASSWORD}).status_code == 200
    guesses(email, 11)
    owner.address = "2001:db8:1:2:ffff::9"
    assert owner.post("login", PATH, {"email": email, "password": PASSWORD}).status_code == 200
    owner.address = "2001:db8:1:3::1"
    assert owner.post("login", PATH, {"email": email, "password": PASSWORD}).status_code == 429


def test_networks_that_were_not_used_for_long_are_forgotten(email: str, database: Database) -> None:
    owner, _ = registered(email)
    database.all(
        "insert into login_network (account_id, network, seen_at) values (%s, '192.0.2.1', now() - interval '91 days')",
        (owner.user_id,),
    )
    assert login(email).status_code == 200
    networks = database.all("select network from login_network where account_id = %s", (owner.user_id,))
    assert len(networks) == 2
    assert {"network": "192.0.2.1"} not in networks
