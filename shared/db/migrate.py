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

BASELINE = "0001_baseline.sql"
# Before 0.1 there were 17 migrations, and together they made the very schema of this BASELINE. A database that has
# exactly these 17 (FOLDED is the SHA-256 of their names and SHA-256s) counts as one that has the baseline: no developer
# loses a video. BASELINE_SHA256 is fixed, since a later edit of the baseline was not applied to such a database.
FOLDED = "a2a274929a8ffe07a3a21e5f293b9ddd36816970fa8a317dccb721e9998b8efe"
BASELINE_SHA256 = "eeb4939ba8f974be58955d0895dd54e71842a44685c82d0e2bf13e5da7f38aff"


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
            if Migration(BASELINE, "pending") in found:
                raise ConfigError(
                    f"The database was migrated by a Wadi from before 0.1 ({newer[-1]}): run ./wadi db migrate of the"
                    f" last commit that has no {BASELINE} first, or start anew with ./task clean."
                )
            raise ConfigError(f"The database was migrated by a newer Wadi ({', '.join(newer)}): update this one.")
        if changed := [one.name for one in found if one.state == "changed"]:
            raise ConfigError(f"Migration {changed[0]} was changed after it was applied: add a new one instead.")
        _record_baseline(at, found)
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
    known = _applied(at)
    found = []
    for file in _files():
        digest, applied_at = known.pop(file.name, (None, None))
        if digest is None:
            found.append(Migration(file.name, "pending"))
        else:
            same = digest == _digest(file.read_text())
            found.append(Migration(file.name, "applied" if same else "changed", applied_at))
    return sorted([*found, *(Migration(name, "newer", at) for name, (_, at) in known.items())])


def _applied(at: cursor) -> dict[str, tuple[str, datetime]]:
    """SHA-256 and time of each migration that was applied; the baseline's in place of those that it replaces."""
    at.execute("select name, sha256, applied_at from migration")
    known = {name: (digest, applied_at) for name, digest, applied_at in at.fetchall()}
    if _digest("\n".join(f"{name} {digest}" for name, (digest, _) in sorted(known.items()))) == FOLDED:
        return {BASELINE: (BASELINE_SHA256, max(applied_at for _, applied_at in known.values()))}
    return known


def _record_baseline(at: cursor, found: list[Migration]) -> None:
    """Where the baseline counts as applied and is not recorded, its row takes the place of those that it replaces."""
    (baseline,) = (one for one in found if one.name == BASELINE)
    if baseline.state == "applied":
        at.execute("delete from migration where not exists (select 1 from migration where name = %s)", (BASELINE,))
        if at.rowcount:
            at.execute("insert into migration values (%s, %s, %s)", (BASELINE, BASELINE_SHA256, baseline.applied_at))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
