"""One transaction: queries with typed rows, and what is to be done once it has committed.

A row is read into a type of the caller's: a msgspec Struct or dataclass whose fields are named as the columns, or a
plain type where one column is asked for. Columns that the type does not name are ignored; one that it names must be
there. So `select *` is as good as a list of columns, and mypy knows what a row has.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec
import psycopg2.extras
from psycopg2.extensions import connection, cursor

Params = Sequence[Any] | Mapping[str, Any] | None
Row = TypeVar("Row")


class Transaction:
    """What code does inside `with context.transaction() as tx:`. Errors are psycopg2's; a row that is not of the type
    asked for raises msgspec.ValidationError, which is a mistake in the code that asked."""

    def __init__(self, db: connection, source: str) -> None:
        self._db = db
        self._after_commit: list[Callable[[connection], None]] = []
        self.source = source  # who works here: the CloudEvents `source` of what it publishes

    def execute(self, sql: str, params: Params = None) -> int:
        """Runs a statement; the number of rows it touched."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            return at.rowcount

    def one(self, row: type[Row], sql: str, params: Params = None) -> Row | None:
        """The first row, or None."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            found = at.fetchone()
            return msgspec.convert(dict(zip(_columns(at), found, strict=True)), row) if found is not None else None

    def all(self, row: type[Row], sql: str, params: Params = None) -> list[Row]:
        """All rows."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            columns = _columns(at)
            return [msgspec.convert(dict(zip(columns, found, strict=True)), row) for found in at.fetchall()]

    def value(self, kind: type[Row], sql: str, params: Params = None) -> Row | None:
        """The first column of the first row; None when there is no row, or null in it."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            found = at.fetchone()
            return msgspec.convert(found[0], kind) if found is not None and found[0] is not None else None

    def values(self, kind: type[Row], sql: str, params: Params = None) -> list[Row]:
        """The first column of all rows, none of which may be null."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            return msgspec.convert([found[0] for found in at.fetchall()], list[kind])  # type: ignore[valid-type]  # a type at run time

    def exists(self, sql: str, params: Params = None) -> bool:
        """Whether the query has a row: `select from video where …`."""
        with self._db.cursor() as at:
            at.execute(sql, params)
            return at.fetchone() is not None

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """`insert … values %s` for all rows in one round trip a thousand rows."""
        if rows:
            with self._db.cursor() as at:
                psycopg2.extras.execute_values(at, sql, rows, page_size=1000)

    def json(self, value: Any) -> Any:
        """A value for a jsonb column."""
        return psycopg2.extras.Json(value, dumps=lambda v: msgspec.json.encode(v).decode())

    def after_commit(self, work: Callable[[connection], None]) -> None:
        """Does the work once when the transaction has committed, however often it is asked for; not at all when it is
        rolled back. The work gets the connection, outside of any transaction."""
        if work not in self._after_commit:
            self._after_commit.append(work)

    def committed(self) -> None:
        """Does what was to be done after the commit; called by who commits."""
        for work in self._after_commit:
            work(self._db)


def _columns(at: cursor) -> list[str]:
    return [column.name for column in at.description or ()]


# What begins one, such as `context.transaction`, for work that needs several
Transactions = Callable[[], AbstractContextManager[Transaction]]
