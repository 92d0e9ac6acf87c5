"""wadi db: how migrations stand, and that they are applied once, whoever applies them."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from cli.exits import Exit
from local import postgres
from shared.db.migrate import FOLDER, LOCK
from tests.cli.runs import User
from tests.conftest import Database, _admin, _url
from tests.patience import until

FILES = sorted(file.name for file in FOLDER.glob("*.sql"))


@pytest.fixture
def empty(postgres_server: postgres.Server) -> Iterator[Database]:
    """A database without anything in it."""
    _admin(postgres_server, "create database empty_one")
    yield Database(_url(postgres_server, "empty_one"))
    _admin(postgres_server, "drop database empty_one with (force)")


@pytest.fixture
def user(empty: Database, tmp_path: Path) -> User:
    return User(tmp_path, extra={"DATABASE_URL": f"jdbc:{empty.url}"})


def states(user: User, code: Exit) -> list[tuple[str, str]]:
    ended = user.wadi("db", "status", "--json")
    assert ended.code == code, ended.err
    return [(one["migration"], one["state"]) for one in ended.objects]


def test_from_nothing_to_migrated(user: User, empty: Database) -> None:
    assert states(user, Exit.FAILED) == [(name, "pending") for name in FILES]
    assert empty.all("select 1 from pg_tables where schemaname = 'public'") == [], "status changes nothing"
    ended = user.wadi("db", "migrate", "--json")
    assert ended.code == Exit.OK, ended.err
    assert [one["applied"] for one in ended.objects] == FILES
    assert states(user, Exit.OK) == [(name, "applied") for name in FILES]
    again = user.wadi("db", "migrate")
    assert again.out == f"Nothing to do: all {len(FILES)} migrations are applied.\n"


def test_two_at_once_are_one_after_the_other(user: User, empty: Database) -> None:
    with closing(psycopg2.connect(empty.url)) as holder:
        holder.cursor().execute("select pg_advisory_lock(%s)", (LOCK,))
        both = [user.start("db", "migrate", "--json") for _ in range(2)]
        until_waiting(empty, both)
        holder.rollback()
        holder.cursor().execute("select pg_advisory_unlock(%s)", (LOCK,))
        holder.commit()
        said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(out.count("applied") for out, _ in said) == [0, len(FILES)]
    assert len(empty.all("select name from migration")) == len(FILES)


def until_waiting(database: Database, processes: list["subprocess.Popen[str]"]) -> None:
    """Until all of them wait for the lock of migrations."""

    def waiting() -> bool:
        assert all(process.poll() is None for process in processes)
        sessions = database.all(
            "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'"
        )
        return len(sessions) == len(processes)

    until(waiting, "all of them wait for the lock of migrations")


def test_says_what_was_changed_and_what_is_newer(user: User, empty: Database) -> None:
    user.wadi("db", "migrate")
    empty.all("update migration set sha256 = 'another' where name = %s", (FILES[0],))
    assert states(user, Exit.FAILED)[0] == (FILES[0], "changed")
    ended = user.wadi("db", "migrate")
    assert ended.code == Exit.FAILED
    assert ended.err == f"wadi: Migration {FILES[0]} was changed after it was applied: add a new one instead.\n"
    empty.all("insert into migration (name, sha256) values ('9999_future.sql', 'x')")
    assert states(user, Exit.FAILED)[-1] == ("9999_future.sql", "newer")
    ended = user.wadi("db", "migrate")
    assert ended.err == "wadi: The database was migrated by a newer Wadi (9999_future.sql): update this one.\n"


@pytest.mark.parametrize("command", ["status", "migrate"])
def test_a_database_that_does_not_answer_is_one_line(command: str, tmp_path: Path) -> None:
    nobody = User(tmp_path, extra={"DATABASE_URL": "postgresql://wadi:secret@127.0.0.1:1/wadi"})
    ended = nobody.wadi("db", command)
    assert ended.code == Exit.UNREACHABLE
    (line,) = ended.err.splitlines()
    assert line.startswith("wadi: DATABASE_URL: no connection to 127.0.0.1:1: ")
    assert "refused" in line
    assert "secret" not in line
