"""Logging out."""

import pytest

from tests.functions.people import Person, assert_problem, registered

pytestmark = pytest.mark.usefixtures("database", "wadi")
PATH = "/api/auth/logout"


def test_ends_the_session() -> None:
    person, tokens = registered("ada@example.org")
    answer = person.post("logout", PATH, {"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 204
    assert answer.data == b""
    again = person.post("refresh", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert "ended" in assert_problem(again, 401, "invalid-refresh-token")["detail"]


def test_with_an_older_token_ends_the_session_too() -> None:
    person, first = registered("old@example.org")
    second = person.post("refresh", "/api/auth/refresh", {"refresh_token": first["refresh_token"]}).json
    assert second is not None
    assert person.post("logout", PATH, {"refresh_token": first["refresh_token"]}).status_code == 204
    answer = person.post("refresh", "/api/auth/refresh", {"refresh_token": second["refresh_token"]})
    assert_problem(answer, 401, "invalid-refresh-token")


def test_can_be_repeated_and_does_not_tell_which_tokens_exist() -> None:
    person, tokens = registered("twice@example.org")
    for token in (tokens["refresh_token"], tokens["refresh_token"], "unknown", ""):
        assert person.post("logout", PATH, {"refresh_token": token}).status_code == 204


def test_needs_a_token() -> None:
    assert_problem(Person().post("logout", PATH, {}), 400, "invalid-request")
