"""Callers for the tests of functions: each has an address of its own, as clients have, and so limits of its own."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.identity import Role, issue_access_token
from shared.ids import new_id
from shared.runtime.serve import create_app
from tests.conftest import Database
from tests.patience import until

PASSWORD = "correct horse battery staple"
_addresses = itertools.count(1)


@cache
def _app(capability: str) -> Any:
    return create_app(capability)


class Person:
    """Calls functions through their WSGI apps; with a token once there is one."""

    def __init__(self, token: str | None = None, user_id: str = "") -> None:
        number = next(_addresses)
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.token = token
        self.user_id = user_id

    def post(self, capability: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self._client(capability).post(path, json=body, headers=self._headers(), **options)

    def get(self, capability: str, path: str, **query: Any) -> TestResponse:
        return self._client(capability).get(path, query_string=query or None, headers=self._headers())

    def patch(self, capability: str, path: str, body: Any) -> TestResponse:
        return self._client(capability).patch(path, json=body, headers=self._headers())

    def delete(self, capability: str, path: str) -> TestResponse:
        return self._client(capability).delete(path, headers=self._headers())

    def _client(self, capability: str) -> FlaskClient:
        client: FlaskClient = _app(capability).test_client()
        return client

    def _headers(self) -> dict[str, str]:
        headers = {"X-Forwarded-For": self.address}
        return headers | {"Authorization": f"Bearer {self.token}"} if self.token else headers


def account(database: Database, name: str, role: Role = Role.CREATOR) -> Person:
    """A person with an account that nobody can log in to: for tests of what comes after the login."""
    user_id = new_id()
    database.all(
        "insert into account (id, email, name, password_hash, role) values (%s, %s, %s, 'none', %s)",
        (user_id, f"{user_id}@example.org", name, role.value),
    )
    return Person(issue_access_token(user_id, role)[0], user_id)


def registered(email: str, **fields: Any) -> tuple[Person, dict[str, Any]]:
    """A person who registered, and the answer to it."""
    person = Person()
    answer = person.post("register", "/api/auth/register", {"email": email, "password": PASSWORD} | fields)
    assert answer.status_code == 201, answer.text
    tokens: dict[str, Any] = answer.json  # type: ignore[assignment]
    person.token, person.user_id = tokens["access_token"], tokens["user"]["id"]
    return person, tokens


def say(person: Person, video_id: str, body: str) -> dict[str, Any]:
    """Sends a message; the answer."""
    answer = person.post("send_message", f"/api/videos/{video_id}/messages", {"body": body})
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json  # type: ignore[assignment]
    return message


def assert_problem(answer: TestResponse, status: int, slug: str) -> dict[str, Any]:
    """The answer is RFC 9457 problem+json of this kind; its members."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


@contextmanager
def at_once(database: Database, lock: str, params: Any, waiting: int) -> Iterator[ThreadPoolExecutor]:
    """Runs what is submitted inside as a real race: all of it first stops at a lock that the test holds.

    The block submits `waiting` calls; its end waits until the database says that so many wait, then lets go.
    """
    with closing(database.connect()) as db, ThreadPoolExecutor(waiting) as pool:
        with db.cursor() as cursor:
            cursor.execute(lock, params)
        yield pool
        try:
            until(lambda: _waiting(database) >= waiting, f"{waiting} requests come to the lock")
        finally:
            db.rollback()


def _waiting(database: Database) -> int:
    """How many connections wait for a lock."""
    row = database.one(
        "select count(*) as waiting from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    assert row is not None
    return int(row["waiting"])
