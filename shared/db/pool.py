"""Connections of this process, kept and reused; DATABASE_CONNECTIONS of them at most.

Transactions work through a pooler in transaction mode (PgBouncer): nothing in them lasts longer than they do, and no
statement is prepared. What does last, LISTEN and session locks, asks for `connect(session=True)`.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, connection

from shared.config import ConfigError, integer, setting
from shared.db.transaction import Params, Row, Transaction
from shared.errors import Unavailable

WAIT_SECONDS = 10.0  # for a connection, while all are in use

_idle: list[connection] = []
_in_use = 0
_free = threading.Condition()
_pid = os.getpid()


def database_url(*, session: bool = False) -> str:
    """DATABASE_URL with DATABASE_USERNAME and DATABASE_PASSWORD put in; a `jdbc:` prefix is accepted.

    With `session`, DATABASE_DIRECT_URL where that is set. Raises ConfigError when it is unset or no such URL.
    """
    name = "DATABASE_DIRECT_URL" if session and setting("DATABASE_DIRECT_URL") else "DATABASE_URL"
    url = setting(name).removeprefix("jdbc:")
    if not url:
        raise ConfigError("DATABASE_URL is not set. Name a PostgreSQL, or start the platform with ./wadi up.")
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in ("postgresql", "postgres") and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ConfigError(f"{name} is not of the form postgresql://user:password@host:port/name.")
    user, password = setting("DATABASE_USERNAME"), setting("DATABASE_PASSWORD")
    if not user and not password:
        return url
    login = quote(user, safe="") or parts.username or ""
    secret = quote(password, safe="") or parts.password or ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{secret}@{host}"))


def connect(*, session: bool = False) -> connection:
    """A new connection, of the caller's own. With `session` past any pooler, for what lasts longer than a transaction.

    Raises ConfigError with the address and what was refused.
    """
    return connect_to(database_url(session=session), f"wadi {setting('FUNCTION_TARGET')}".strip())


def connect_to(url: str, application: str) -> connection:
    """Raises ConfigError with the address and what was refused."""
    try:
        return psycopg2.connect(url, connect_timeout=10, application_name=application)
    except psycopg2.Error as error:
        where = urlsplit(url)
        reason = " ".join(str(error).split())
        raise ConfigError(f"DATABASE_URL: no connection to {where.hostname}:{where.port or 5432}: {reason}") from error


def _acquire() -> connection | None:
    """The right to one more connection, and an idle one if there is any. Raises Unavailable."""
    global _pid, _in_use
    most = integer("DATABASE_CONNECTIONS")
    deadline = time.monotonic() + WAIT_SECONDS
    with _free:
        if _pid != os.getpid():  # after a fork a connection belongs to the parent
            _idle.clear()
            _pid, _in_use = os.getpid(), 0
        while _in_use >= most:
            if not _free.wait(deadline - time.monotonic()):
                raise Unavailable(f"DATABASE_CONNECTIONS: all {most} connections were in use for {WAIT_SECONDS:g} s.")
        _in_use += 1
        return _idle.pop() if _idle else None


def _release(db: connection | None) -> None:
    global _in_use
    usable = db is not None and not db.closed and db.get_transaction_status() == TRANSACTION_STATUS_IDLE
    if db is not None and not usable:
        db.close()
    with _free:
        if db is not None and usable:
            _idle.append(db)
        _in_use -= 1
        _free.notify()


def _alive(db: connection | None) -> connection:
    """The connection, or a new one where it died meanwhile: the server was restarted. Then all others have died too."""
    if db is not None:
        try:
            db.cursor().execute("select 1")
            return db
        except psycopg2.Error:
            db.close()
            with _free:
                stale, _idle[:] = _idle[:], []
            for other in stale:
                other.close()
    return connect()


def read_one(row: type[Row], sql: str, params: Params = None) -> Row | None:
    """The first row of one query, or None: in a single round trip, where a transaction takes four.

    For what only reads: a connection that died meanwhile is replaced, and the query sent again.
    """
    db = _acquire()
    try:
        if db is not None:
            with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                return _read_one(db, row, sql, params)
        db = _alive(db)
        return _read_one(db, row, sql, params)
    finally:
        _release(db)


def _read_one(db: connection, row: type[Row], sql: str, params: Params) -> Row | None:
    db.rollback()  # what asked whether it is alive began a transaction; without one this sends nothing
    db.autocommit = True
    try:
        return Transaction(db, "").one(row, sql, params)
    finally:
        if not db.closed:
            db.autocommit = False


@contextmanager
def transaction(source: str = "/wadi") -> Iterator[Transaction]:
    """A transaction: commits at the end of the block, then does what was left for after the commit; rolls back on any
    error.

    An idle connection that died meanwhile (the server was restarted) is replaced before the block runs, so a
    restart costs no request; one that dies inside the block is an error, since its work is gone.
    """
    db = _acquire()
    try:
        db = _alive(db)
        tx = Transaction(db, source)
        try:
            yield tx
            db.commit()
        except BaseException:
            if not db.closed:
                try:
                    db.rollback()
                except psycopg2.Error:
                    db.close()
            raise
        else:
            tx.committed()
    finally:
        _release(db)
