"""How writers and a rebuild of the index keep out of each other's way.

A rebuild writes its name into search_build while no writer is under way; from there on every writer writes to both
indexes, until the rebuild has swapped them, again while no writer is under way. Writers share a lock that ends with
their transaction, so this works through a transaction pooler.
"""

from collections.abc import Callable

from shared.db import Transaction
from shared.search.opensearch import mapping

WRITERS_LOCK = 7_236_910_030


def revision(tx: Transaction) -> int:
    row = tx.one("select nextval('search_revision') as revision")
    assert row is not None
    return int(row["revision"])


def enter(tx: Transaction) -> bool:
    """Called by a writer first of all; whether there is a second index to be written to."""
    tx.execute("select pg_advisory_xact_lock_shared(%s)", (WRITERS_LOCK,))
    return tx.one("select 1 as one from search_build") is not None


def alone(tx: Transaction) -> None:
    """Called by a rebuild: waits until no writer is under way; until the end of `tx` none begins."""
    tx.execute("select pg_advisory_xact_lock(%s)", (WRITERS_LOCK,))


def write_next(write: Callable[[str], None]) -> None:
    """Writes to the index that is being built. One that is gone was swapped or given up by its rebuild, which was
    killed before it could write that down."""
    from opensearchpy.exceptions import NotFoundError

    try:
        write(mapping.next_alias())
    except NotFoundError:
        return
