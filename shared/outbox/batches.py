"""The frame of a relay that leaves the database: a batch at a time, in order, under one lock.

The relaying session holds an advisory lock from reading the rows to deleting them, so two relays never reorder, and
rows are deleted only when the other side has them for certain. Killed in between, the next relay sends them again:
twice, which handlers bear; never out of order, since a relay always begins with the oldest row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection

RELAY_LOCK = 7_236_910_003  # the same for all of them: while a platform changes over, two transports are in use at once
BATCH = 500
LOCK_SECONDS = 10


class Row(NamedTuple):
    seq: int
    group: str  # its topic or its key, whichever keeps an order
    event: dict[str, Any]


class Sent(NamedTuple):
    seqs: list[int]
    go_on: bool = True  # False: the rest is left for another time


def relay_in_batches(db: connection, group: str, held: dict[str, str], send: Callable[[list[Row]], Sent]) -> int:
    """Gives `send` the rows of the outbox, oldest first, and deletes those that it has sent; how many. `group` is the
    column that keeps an order. What is in `held`, which `send` may add to, keeps its own rows waiting, and nobody
    else's."""
    rows_to_send = sql.SQL("select seq, {0}, event from outbox where {0} <> all(%s) order by seq limit %s").format(
        sql.Identifier(group)
    )
    moved = 0
    while True:
        with db, db.cursor() as cursor:
            cursor.execute("set local lock_timeout = %s", (f"{LOCK_SECONDS}s",))
            cursor.execute("select pg_advisory_xact_lock(%s)", (RELAY_LOCK,))
            cursor.execute(rows_to_send, (list(held), BATCH))
            rows = [Row(*row) for row in cursor.fetchall()]
            sent = send(rows) if rows else Sent([])
            if sent.seqs:
                cursor.execute("delete from outbox where seq = any(%s)", (sent.seqs,))
        moved += len(sent.seqs)
        gone = set(sent.seqs)
        left = any(row.seq not in gone and row.group not in held for row in rows)
        if not sent.go_on or (len(rows) < BATCH and not left):
            return moved
