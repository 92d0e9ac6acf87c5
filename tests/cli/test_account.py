"""Logins, at the real platform."""

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.runs import User

PASSWORD = "correct horse battery\n"


def credentials(user: User) -> Path:
    return user.home / "config/wadi/credentials.json"


def login_of(user: User) -> dict[str, Any]:
    return dict(json.loads(credentials(user).read_text())[user.server])


def change_login(user: User, **fields: Any) -> None:
    login = login_of(user) | fields
    credentials(user).write_text(json.dumps({user.server: login}))


def test_register_logs_in(someone: User) -> None:
    ended = someone.wadi("whoami", "--json")
    assert ended.code == Exit.OK
    assert [each["email"] for each in ended.objects] == [login_of(someone)["user"]["email"]]


def test_only_the_owner_can_read_the_login(someone: User) -> None:
    assert stat.S_IMODE(credentials(someone).stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials(someone).parent.stat().st_mode) == 0o700


def test_logout_ends_the_login_here_and_there(someone: User) -> None:
    refresh_token = login_of(someone)["refresh_token"]
    assert someone.wadi("logout").code == Exit.OK
    assert someone.wadi("whoami").code == Exit.NOT_LOGGED_IN
    assert "not logged in" in someone.wadi("logout").err
    again = someone.wadi("login", email_of(someone), "--password-stdin", stdin=PASSWORD)
    assert again.code == Exit.OK
    change_login(someone, refresh_token=refresh_token, expires_at=0)
    ended = someone.wadi("whoami")
    assert ended.code == Exit.NOT_LOGGED_IN
    assert "has expired" in ended.err


def email_of(user: User) -> str:
    return f"{user.home.name}-{user.home.parent.parent.name}@example.org".lower()


def test_login_with_the_password_in_the_environment(someone: User) -> None:
    credentials(someone).unlink()
    someone.extra["WADI_PASSWORD"] = PASSWORD.strip()
    assert someone.wadi("login", email_of(someone)).code == Exit.OK
    assert someone.wadi("whoami").code == Exit.OK


def test_a_wrong_password(someone: User) -> None:
    ended = someone.wadi("login", email_of(someone), "--password-stdin", stdin="wrong horse\n")
    assert ended.code == Exit.NOT_LOGGED_IN
    assert "password" in ended.err
    assert someone.wadi("whoami").code == Exit.OK  # the login that was there stays


@pytest.mark.parametrize(("email", "password"), [("not an address", PASSWORD), ("short@example.org", "abc\n")])
def test_an_account_that_is_refused_says_why(someone: User, email: str, password: str) -> None:
    ended = someone.wadi("register", email, "--password-stdin", stdin=password)
    assert ended.code == Exit.REFUSED
    assert ("address" if "@" not in email else "password") in ended.err.lower()


def test_an_address_that_is_taken(someone: User) -> None:
    ended = someone.wadi("register", email_of(someone), "--password-stdin", stdin=PASSWORD)
    assert ended.code == Exit.REFUSED
    assert "Traceback" not in ended.err


def test_a_login_that_runs_out_is_renewed(someone: User) -> None:
    before = login_of(someone)
    change_login(someone, expires_at=time.time() + 5)
    assert someone.wadi("whoami").code == Exit.OK
    after = login_of(someone)
    assert after["refresh_token"] != before["refresh_token"]
    assert after["expires_at"] > time.time() + 60


def test_a_token_that_the_server_refuses_is_renewed(someone: User) -> None:
    change_login(someone, access_token="rotten")
    assert someone.wadi("whoami").code == Exit.OK


def test_several_at_once_keep_the_login(someone: User) -> None:
    """A refresh token that is used twice ends the login: each has to see what the one before it has got."""
    change_login(someone, expires_at=0)
    several = [someone.start("whoami") for _ in range(4)]
    for each in several:
        _, err = each.communicate(timeout=60)
        assert each.returncode == Exit.OK, err
    assert someone.wadi("whoami").code == Exit.OK


def test_a_fixed_token_needs_no_login(someone: User, new_user: Callable[[], User]) -> None:
    token = login_of(someone)["access_token"]
    credentials(someone).unlink()
    someone.extra["WADI_TOKEN"] = token
    assert someone.wadi("whoami", "--json").objects[0]["email"] == email_of(someone)
    someone.extra["WADI_TOKEN"] = token[:-3] + "AAA"
    assert someone.wadi("whoami").code == Exit.NOT_LOGGED_IN
