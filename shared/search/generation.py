"""Which state of the index an answer was made from.

Cached answers are kept under the generation. It stands in the database and changes in the transaction of each write, so
an answer that a write made wrong is never found again, whichever process wrote.
"""

from typing import NamedTuple

from shared.db import Transaction


class Generation(NamedTuple):
    number: int
    quiet_ms: float  # since the last write


def changed(tx: Transaction) -> None:
    """Called last by a write: the counter is locked until the transaction ends."""
    tx.execute(
        "update search_generation set generation = generation + 1, changed_at = clock_timestamp()"
        " where slot = pg_backend_pid() % 16"
    )


def current(tx: Transaction) -> Generation:
    row = tx.one(
        "select sum(generation)::bigint as number,"
        " extract(epoch from clock_timestamp() - greatest(max(changed_at), 'epoch'))::float8 * 1000 as quiet_ms"
        " from search_generation"
    )
    assert row is not None
    return Generation(row["number"], row["quiet_ms"])
