"""The generation of the search index: a number that changes with every write.

It is part of the keys of cached pages. It is in the database and changes in the transaction of each write, so a page
that a write made stale is never found again, whichever process wrote.
"""

from msgspec import Struct

from shared.db import Transaction


class Generation(Struct, frozen=True):
    number: int
    quiet_ms: float  # time since the last write, in ms


def changed(tx: Transaction) -> None:
    """Must be the last call of a write: the counter is locked until the transaction ends."""
    tx.execute(
        "update search_generation set generation = generation + 1, changed_at = clock_timestamp()"
        " where slot = pg_backend_pid() % 16"
    )


def current(tx: Transaction) -> Generation:
    generation = tx.one(
        Generation,
        "select sum(generation)::bigint as number,"
        " extract(epoch from clock_timestamp() - greatest(max(changed_at), 'epoch'))::float8 * 1000 as quiet_ms"
        " from search_generation",
    )
    assert generation is not None, "an aggregate has a row"
    return generation
