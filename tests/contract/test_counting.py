"""Counts that all processes share, wherever they stand."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared import db
from shared.ids import new_id
from shared.rate_limit.counter import clear, count, forget_old
from tests.conftest import Database
from tests.patience import until
from tests.real import need
from tools.backends import redis as redis_server


@pytest.fixture(params=["postgres", "redis"])
def who(request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody who is counted in the one or the other."""
    if request.param == "redis":
        monkeypatch.setenv("REDIS_URL", need("redis"))
    return new_id()


def test_counts_by_name_and_by_whom(who: str) -> None:
    assert [count("login", who, 60) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    assert count("register", who, 60) == (1, 60)
    assert count("login", who + "else", 60) == (1, 60)


def test_a_window_begins_with_the_first_count_and_ends(who: str) -> None:
    assert count("login", who, 1) == (1, 1)
    until(lambda: count("login", who, 1)[0] == 1)


def test_cleared_it_begins_anew(who: str) -> None:
    count("login", who, 60)
    count("other", who, 60)
    clear("login", who)
    assert count("login", who, 60) == (1, 60)
    assert count("other", who, 60) == (2, 60)


def test_counts_each_of_many_at_once(who: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        counted = sorted(pool.map(lambda _: count("login", who, 60)[0], range(100)))
    assert counted == list(range(1, 101))


def test_what_is_long_past_is_removed(database: Database) -> None:
    old, young = new_id(), new_id()
    count("login", old, 60)
    count("login", young, 60)
    database.all("update rate_limit set window_start = now() - interval '25 hours' where client = %s", (old,))
    with db.transaction() as tx:
        forget_old(tx)
    left = database.all("select client from rate_limit where client in (%s, %s)", (old, young))
    assert [row["client"] for row in left] == [young]


def test_without_redis_it_goes_on_counting_in_postgres(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("redis")
    server, who = redis_server.start(tmp_path), new_id()
    monkeypatch.setenv("REDIS_URL", server.address)
    try:
        assert [count("login", who, 60)[0] for _ in range(2)] == [1, 2]
        assert database.all("select 1 from rate_limit where client = %s", (who,)) == []
        server.kill()
        assert [count("login", who, 60)[0] for _ in range(4)] == [1, 2, 3, 4], "anew, but it counts"
        server.restart()
        until(lambda: _counted_by_redis(database))
        clear("login", who)
        assert count("login", who, 60) == (1, 60)
    finally:
        server.kill()


def _counted_by_redis(database: Database) -> bool:
    somebody = new_id()
    count("login", somebody, 60)
    return database.all("select 1 from rate_limit where client = %s", (somebody,)) == []
