"""Fixtures of the tests of the runtime."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from tests.conftest import Database, Wadi
from tests.runtime.script import LOCK


@dataclass(frozen=True)
class Notes:
    """What the functions for tests wrote, and a way to keep them at their work."""

    database: Database

    def about(self, thing: str) -> list[str]:
        return [row["text"] for row in self.database.all("select text from note where id = %s order by seq", (thing,))]

    def sent(self, thing: str) -> list[str]:
        """The types of the events about it that are in their topics, in order."""
        return [
            row["topic"]
            for row in self.database.all("select topic from topic_record where key = %s order by position", (thing,))
        ]

    def in_outbox(self) -> int:
        row = self.database.one("select count(*) as count from outbox")
        assert row is not None
        return int(row["count"])

    def state(self, event_id: str) -> str:
        """absent, in progress or completed: of the event's idempotency record."""
        row = self.database.one("select holder from inbox where id = %s", (event_id,))
        return "absent" if row is None else "completed" if row["holder"] is None else "in progress"

    def expire(self, event_id: str) -> None:
        """The lease of an event ends now."""
        assert self.database.all(
            "update inbox set lease_until = now() - interval '1 second'"
            " where id = %s and holder is not null returning 1",
            (event_id,),
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """As long as the block lasts, functions that come to the lock wait at it."""
        with closing(self.database.connect()) as db:
            db.cursor().execute("select pg_advisory_lock(%s)", (LOCK,))
            yield

    def waiting(self) -> int:
        """How many connections wait for a lock."""
        row = self.database.one(
            "select count(*) as count from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        assert row is not None
        return int(row["count"])


@pytest.fixture(scope="module")
def notes(database: Database, wadi: Wadi) -> Notes:
    database.all("create table note (seq bigint generated always as identity, id text, text text)")
    database.all("create table trouble (what text)")
    return Notes(database)
