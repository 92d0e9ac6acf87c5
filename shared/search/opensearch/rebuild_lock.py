"""Coordinates the writers of the index with a rebuild.

A rebuild inserts its row into search_build while no writer is active; from then on every writer writes to both
indexes, until the rebuild has swapped them, again while no writer is active. Writers share a lock that ends with their
transaction, so this works through a transaction pooler.
"""

from collections.abc import Callable

from shared.db import Transaction
from shared.search.opensearch import mapping

WRITERS_LOCK = 7_236_910_030


def next_revision(tx: Transaction) -> int:
    """A version for documents, higher than all before."""
    revision = tx.value(int, "select nextval('search_revision')")
    assert revision is not None, "a sequence has a next value"
    return revision


def enter_as_writer(tx: Transaction) -> bool:
    """Must be the first call of a writer. True when there is a second index to write to."""
    tx.execute("select pg_advisory_xact_lock_shared(%s)", (WRITERS_LOCK,))
    return tx.exists("select from search_build")


def exclude_writers(tx: Transaction) -> None:
    """Called by a rebuild: waits until no writer is active; until `tx` ends no writer begins."""
    tx.execute("select pg_advisory_xact_lock(%s)", (WRITERS_LOCK,))


def write_next(write: Callable[[str], None]) -> None:
    """Writes to the index that is being built. If it is missing, its rebuild swapped or removed it and was killed
    before it could delete its row."""
    from opensearchpy.exceptions import NotFoundError

    try:
        write(mapping.next_alias())
    except NotFoundError:
        return
