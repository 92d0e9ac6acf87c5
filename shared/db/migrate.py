"""Migrations: plain SQL files, each applied once, in order, by one process at a time."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from psycopg2.extensions import cursor

from shared.config import ConfigError
from shared.db.pool import connect_to

FOLDER = Path(__file__).parent / "migrations"
LOCK = 7_236_910_001  # any constant: all that migrate must agree on it


class Migration(NamedTuple):
    """`changed`: the file is another than the one that was applied. `newer`: applied, and unknown to this Wadi."""

    name: str
    state: Literal["applied", "pending", "changed", "newer"]
    applied_at: datetime | None = None


def status(url: str) -> list[Migration]:
    """What is applied to the database at `url`, and what is not, in order. Raises ConfigError without an answer."""
    with _opened(url) as at:
        at.execute("select to_regclass('migration')")
        found = at.fetchone()
        return _compared(at) if found and found[0] else [Migration(file.name, "pending") for file in _files()]


def migrate(url: str) -> list[str]:
    """Applies what is missing to the database at `url`; the names of what was applied: all of it, or nothing.

    Several at once are safe: the others wait for the first (an advisory lock of the transaction, so also through a
    pooler), then find nothing to do. Raises ConfigError when a migration that was applied has changed since, when the
    database is newer than the code, or without an answer.
    """
    with _opened(url) as at:
        at.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        at.execute(
            "create table if not exists migration ("
            "name text primary key, sha256 text not null, applied_at timestamptz not null default now())"
        )
        found = _compared(at)
        if newer := [one.name for one in found if one.state == "newer"]:
            raise ConfigError(f"The database was migrated by a newer Wadi ({', '.join(newer)}): update this one.")
        if changed := [one.name for one in found if one.state == "changed"]:
            raise ConfigError(f"Migration {changed[0]} was changed after it was applied: add a new one instead.")
        pending = [one.name for one in found if one.state == "pending"]
        for name in pending:
            text = (FOLDER / name).read_text()
            at.execute(text)
            at.execute("insert into migration (name, sha256) values (%s, %s)", (name, _digest(text)))
    return pending


@contextmanager
def _opened(url: str) -> Iterator[cursor]:
    with closing(connect_to(url, "wadi migrate")) as db, db, db.cursor() as at:
        yield at


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.sql"))


def _compared(at: cursor) -> list[Migration]:
    at.execute("select name, sha256, applied_at from migration")
    known = {name: (digest, applied_at) for name, digest, applied_at in at.fetchall()}
    found = []
    for file in _files():
        digest, applied_at = known.pop(file.name, (None, None))
        if digest is None:
            found.append(Migration(file.name, "pending"))
        else:
            same = digest == _digest(file.read_text())
            found.append(Migration(file.name, "applied" if same else "changed", applied_at))
    return sorted([*found, *(Migration(name, "newer", at) for name, (_, at) in known.items())])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
