"""One transaction: queries, and events that commit with it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg2.extras
from psycopg2.extensions import connection

from events.base import Event

Params = Sequence[Any] | Mapping[str, Any] | None


class Transaction:
    """What code does inside `with context.transaction() as tx:`. Errors are psycopg2's."""

    def __init__(self, db: connection, source: str) -> None:
        self._db = db
        self._source = source
        self._after_commit: list[Callable[[], None]] = []
        self.published = False

    def execute(self, sql: str, params: Params = None) -> int:
        """Runs a statement; the number of rows it touched."""
        with self._db.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.rowcount

    def one(self, sql: str, params: Params = None) -> dict[str, Any] | None:
        """The first row, by column name, or None."""
        with self._db.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, params)
            row = cursor.fetchone()
            return dict(row) if row is not None else None

    def all(self, sql: str, params: Params = None) -> list[dict[str, Any]]:
        """All rows, by column name."""
        with self._db.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, params)
            return [dict(row) for row in cursor.fetchall()]

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """`insert … values %s` for all rows in one round trip a thousand rows."""
        if rows:
            with self._db.cursor() as cursor:
                psycopg2.extras.execute_values(cursor, sql, rows, page_size=1000)

    def json(self, value: Any) -> Any:
        """A value for a jsonb column."""
        import msgspec  # the encoder knows Structs, which json does not

        return psycopg2.extras.Json(value, dumps=lambda v: msgspec.json.encode(v).decode())

    def publish(self, *events: Event) -> None:
        """Writes events to the outbox: they are sent if, and only if, this transaction commits."""
        from shared.outbox import write

        write(self, self._source, events)
        self.published = True


# What begins one, such as `context.transaction`, for work that needs several
Transactions = Callable[[], AbstractContextManager[Transaction]]
