"""Connections of a process: how many there are at most, and that they may be shared by a pooler."""

import os
import select
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest

from shared import db
from shared.config import ConfigError
from shared.db import pool
from shared.db.migrate import migrate, status
from shared.errors import Unavailable
from shared.ids import new_id
from tests.conftest import Database, _forget_connections
from tests.patience import until
from tests.runtime.conftest import Notes
from tests.runtime.served import deliver
from tools.backends import pgbouncer
from tools.backends.cache import BackendError

THREADS = 16
SHARED = 2  # connections of the pooler to the database


def test_a_process_has_so_many_connections_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CONNECTIONS", "3")
    at_once, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> int:
        nonlocal at_once, most
        with db.transaction() as tx:
            with lock:
                at_once += 1
                most = max(most, at_once)
            row = tx.one(
                dict[str, int], "select count(*) as n from pg_stat_activity where datname = current_database()"
            )
            with lock:
                at_once -= 1
        assert row is not None
        return int(row["n"])

    _forget_connections()
    database.close()
    with ThreadPoolExecutor(THREADS) as workers:
        open_now = list(workers.map(work, range(200)))
    assert most <= 3
    assert max(open_now) <= 3


def test_without_a_free_connection_it_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CONNECTIONS", "1")
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.1)
    in_use = "DATABASE_CONNECTIONS: all 1 connections were in use"
    with db.transaction(), pytest.raises(Unavailable, match=in_use), db.transaction():
        pass
    with db.transaction() as tx:  # it was given back
        assert tx.one(dict[str, int], "select 1 as one") == {"one": 1}


def test_a_connection_that_cannot_be_made_is_no_longer_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CONNECTIONS", "1")
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.1)
    monkeypatch.setenv("DATABASE_URL", "postgresql://wadi@127.0.0.1:1/wadi")
    _forget_connections()
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1"), db.transaction():
            pass


@pytest.fixture
def pooler(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DATABASE_URL leads to a PgBouncer in transaction mode, DATABASE_DIRECT_URL past it."""
    with tempfile.TemporaryDirectory(prefix="wadi-test-") as folder:
        try:
            server = pgbouncer.start(Path(folder), database.url, SHARED)
        except BackendError as error:
            if os.environ.get("REQUIRE_BACKENDS"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        _forget_connections()
        monkeypatch.setenv("DATABASE_URL", server.address)
        monkeypatch.setenv("DATABASE_DIRECT_URL", database.url)
        yield
        _forget_connections()
        server.stop()


def test_transactions_work_through_a_pooler(pooler: None, database: Database) -> None:
    """More threads than connections, so that each of their transactions may get another one."""
    database.all("create table counted (n int not null); insert into counted values (0)")

    def undone() -> None:
        with db.transaction() as tx:
            tx.execute("update counted set n = n + 1000")
            raise ZeroDivisionError

    def work(number: int) -> None:
        with db.transaction() as tx:
            tx.execute("select pg_advisory_xact_lock(4712)")
            tx.execute("update counted set n = n + 1")
        if number % 10 == 0:
            with pytest.raises(ZeroDivisionError):
                undone()

    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(work, range(200)))
    assert database.one("select n from counted") == {"n": 200}


def test_migrations_work_through_a_pooler(pooler: None) -> None:
    url = db.database_url()
    with ThreadPoolExecutor(4) as workers:
        assert list(workers.map(migrate, [url] * 4)) == [[]] * 4
    assert {one.state for one in status(url)} == {"applied"}


def test_what_listens_goes_past_the_pooler(pooler: None, database: Database) -> None:
    listener = db.connect(session=True)
    listener.autocommit = True
    listener.cursor().execute("listen wadi_video")
    with db.transaction() as tx:
        tx.execute("select pg_notify('wadi_video', 'v')")
    assert select.select([listener], [], [], 30)[0]
    listener.poll()
    assert [notice.payload for notice in listener.notifies] == ["v"]
    listener.close()


def test_events_are_handled_through_a_pooler(pooler: None, notes: Notes) -> None:
    """Claims, leases and their renewal, fences, and the outbox, all at once over two connections."""
    things = [new_id() for _ in range(30)]

    def handle(thing: str) -> list[int]:
        event = new_id()
        return [deliver("note_under_lease", "", thing, event).status_code for _ in range(2)]

    with ThreadPoolExecutor(THREADS) as workers:
        assert list(workers.map(handle, things)) == [[204, 204]] * len(things)
    until(lambda: notes.in_outbox() == 0, "all events are relayed")
    for thing in things:
        assert notes.about(thing) == ["begun", "done"]
        assert notes.sent(thing) == ["wadi.video.playable", "wadi.video.ready"]


def test_one_row_is_read_without_a_transaction(database: Database) -> None:
    _forget_connections()
    assert db.read_one(dict[str, int], "select %s::int as n", (7,)) == {"n": 7}
    assert db.read_one(dict[str, int], "select 1 as n where false") is None
    (row,) = database.all(
        "select state, query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert row == {"state": "idle", "query": "select 1 as n where false"}, "no commit came after it"


def test_what_is_read_survives_a_connection_that_died(database: Database) -> None:
    db.read_one(dict[str, int], "select 1 as n")
    database.all(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and datname = current_database()"
    )
    assert db.read_one(dict[str, int], "select 2 as n") == {"n": 2}


def test_after_a_read_transactions_are_what_they_were(database: Database) -> None:
    db.read_one(dict[str, int], "select 1 as n")
    with pytest.raises(psycopg2.Error):
        db.read_one(dict[str, int], "select 1 from nowhere")
    with suppress(ZeroDivisionError), db.transaction() as tx:
        tx.execute("create table undone (n int)")
        _ = 1 / 0
    assert db.read_one(dict[str, str | None], "select to_regclass('undone') as found") == {"found": None}
