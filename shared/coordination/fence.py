"""What keeps a deposed holder from writing: the highest token that its lock ever gave out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared import db
from shared.coordination.base import Deposed


class Fence:
    """One holding of a lock. A later holding of the same lock has a higher `token`."""

    def __init__(self, name: str, token: int) -> None:
        self.name = name
        self.token = token
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether the lease is known to be lost. That it is not known proves nothing: check does."""
        return self._lost.is_set()

    def lose(self) -> None:
        self._lost.set()

    def check(self, tx: db.Transaction) -> None:
        """Call it in each transaction that writes under the lock. Raises Deposed when a newer token was given
        out; until this transaction ends, none is."""
        row = tx.one("select token from fence where name = %s for share", (self.name,))
        if self.lost or row is None or row["token"] != self.token:
            raise Deposed(f"the lock {self.name} went to another holder")

    def guard(self, transactions: db.Transactions) -> db.Transactions:
        """The same transactions, each of which checks this fence before anything else."""

        @contextmanager
        def fenced() -> Iterator[db.Transaction]:
            with transactions() as tx:
                self.check(tx)
                yield tx

        return fenced


def give_out(name: str) -> Fence:
    """The fence of a new holder; it deposes all before."""
    with db.transaction() as tx:
        row = tx.one(
            "insert into fence (name, token) values (%s, 1)"
            " on conflict (name) do update set token = fence.token + 1 returning token",
            (name,),
        )
    assert row is not None
    return Fence(name, row["token"])
