"""Fixtures for every test: one real PostgreSQL; a fresh migrated database and known settings for each module."""

import itertools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import settings
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from local import postgres
from shared.config import SETTINGS
from shared.db import pool
from shared.db.migrate import migrate

pytest_plugins = ["tests.running"]

settings.register_profile("wadi", deadline=None)  # how fast the machine is decides no test
settings.load_profile("wadi")

KEPT = {"WADI_FFMPEG"}  # which ffmpeg to test is the caller's choice; every other setting is the test's
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A migrated database of one test module."""

    url: str
    _kept: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def connect(self) -> connection:
        return psycopg2.connect(self.url, connect_timeout=10)

    def all(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        """Runs one statement in a transaction of its own; the rows, if it has any.

        Each thread keeps its connection: to connect takes forty times as long as a statement.
        """
        kept: connection | None = getattr(self._kept, "connection", None)
        if kept is None or kept.closed:
            self._kept.connection = kept = self.connect()
            kept.autocommit = True
        with kept.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(sql, params)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def one(self, sql: str, params: Any = None) -> dict[str, Any] | None:
        rows = self.all(sql, params)
        return rows[0] if rows else None

    def close(self) -> None:
        """Ends the connection that this thread keeps."""
        if kept := getattr(self._kept, "connection", None):
            kept.close()


@dataclass(frozen=True)
class Wadi:
    """The settings of one test module."""

    data: Path
    jwt_secret: str


@pytest.fixture(scope="session", autouse=True)
def _own_settings() -> Iterator[None]:
    """No setting of the person who runs the tests reaches them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS.keys() - KEPT:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One embedded PostgreSQL, of the kind that the single box runs, without its durability."""
    with tempfile.TemporaryDirectory(prefix="wadi-test-") as folder:
        server = postgres.start(Path(folder), durable=False)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def _template(postgres_server: postgres.Server) -> str:
    """The name of a database that is migrated once and then copied, which takes a tenth of the time."""
    name = "wadi_template"
    _admin(postgres_server, f"create database {name}")
    migrate(_url(postgres_server, name))
    return name


@pytest.fixture(scope="module")
def database(postgres_server: postgres.Server, _template: str) -> Iterator[Database]:
    """A fresh migrated database; DATABASE_URL names it."""
    name = f"test_{next(_numbers)}"
    _admin(postgres_server, f"create database {name} template {_template} strategy file_copy")
    url = _url(postgres_server, name)
    _forget_connections()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        kept = Database(url)
        yield kept
        kept.close()
    _forget_connections()
    _admin(postgres_server, f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def wadi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wadi]:
    """WADI_DATA is a fresh directory, JWT_SECRET is set, PUBLIC_URL is known, passwords are hashed at the lowest cost
    that is allowed, and all else has its default."""
    data = tmp_path_factory.mktemp("wadi")
    secret = "a secret for tests only, long enough to derive keys from"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WADI_DATA", str(data))
        patch.setenv("JWT_SECRET", secret)
        patch.setenv("PUBLIC_URL", "http://localhost:8080")
        patch.setenv("BCRYPT_COST", "10")  # a quarter of the default's time
        patch.delenv("WADI_NODES", raising=False)
        yield Wadi(data, secret)


def _admin(server: postgres.Server, sql: str) -> None:
    with closing(psycopg2.connect(server.url, connect_timeout=10)) as db:
        db.autocommit = True
        db.cursor().execute(sql)


def _url(server: postgres.Server, name: str) -> str:
    return f"{server.url.rpartition('/')[0]}/{name}"


def _forget_connections() -> None:
    """The pool of this process keeps connections to the database of the module before."""
    while pool._idle:
        pool._idle.pop().close()
