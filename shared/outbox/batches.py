"""Relays the outbox to another server: a batch at a time, in order, under one lock.

The relaying session holds an advisory lock from reading the rows to deleting them, so two relays never reorder, and
rows are deleted only when the other server has confirmed them. After a kill in between, the next relay sends them
again: twice, which handlers are made for; never out of order, since a relay always begins with the oldest row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection

RELAY_LOCK = 7_236_910_003  # one for all transports: while a platform changes its transport, two are in use at once
BATCH = 500
LOCK_SECONDS = 10


class OutboxRow(NamedTuple):
    seq: int
    ordering_key: str  # the event's topic or its key, whichever the transport keeps in order
    event: dict[str, Any]


class Sent(NamedTuple):
    seqs: list[int]
    go_on: bool = True  # False: the rest is left for the next relay


def relay_in_batches(
    db: connection, ordering_column: str, blocked: dict[str, str], send: Callable[[list[OutboxRow]], Sent]
) -> int:
    """Gives `send` the rows of the outbox, oldest first, and deletes those that it has sent; how many.

    Rows whose ordering key is in `blocked` wait, and no others. `send` may add to it: ordering key -> reason.
    """
    rows_to_send = sql.SQL("select seq, {0}, event from outbox where {0} <> all(%s) order by seq limit %s").format(
        sql.Identifier(ordering_column)
    )
    moved = 0
    while True:
        with db, db.cursor() as cursor:
            cursor.execute("set local lock_timeout = %s", (f"{LOCK_SECONDS}s",))
            cursor.execute("select pg_advisory_xact_lock(%s)", (RELAY_LOCK,))
            cursor.execute(rows_to_send, (list(blocked), BATCH))
            rows = [OutboxRow(*row) for row in cursor.fetchall()]
            sent = send(rows) if rows else Sent([])
            if sent.seqs:
                cursor.execute("delete from outbox where seq = any(%s)", (sent.seqs,))
        moved += len(sent.seqs)
        gone = set(sent.seqs)
        left = any(row.seq not in gone and row.ordering_key not in blocked for row in rows)
        if not sent.go_on or (len(rows) < BATCH and not left):
            return moved
