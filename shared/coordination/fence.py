"""Fencing tokens: a former holder of a lock cannot write, because a newer token was issued for the lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared import db
from shared.coordination.base import Fenced


class Fence:
    """One grant of a lock. A later grant of the same lock has a higher `token`."""

    def __init__(self, name: str, token: int) -> None:
        self.name = name
        self.token = token
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether the lease is known to be lost. Only `check` can tell that it is not."""
        return self._lost.is_set()

    def lose(self) -> None:
        self._lost.set()

    def check(self, tx: db.Transaction) -> None:
        """Call it in each transaction that writes under the lock. Raises Fenced when a newer token was issued; until
        this transaction ends, none is."""
        token = tx.value(int, "select token from fence where name = %s for share", (self.name,))
        if self.lost or token != self.token:
            raise Fenced(f"the lock {self.name} went to another holder")

    def guard(self, transactions: db.Transactions) -> db.Transactions:
        """The same transactions, each of which checks this fence before anything else."""

        @contextmanager
        def fenced() -> Iterator[db.Transaction]:
            with transactions() as tx:
                self.check(tx)
                yield tx

        return fenced


def issue_token(name: str) -> Fence:
    """The fence of a new holder. From the commit on, all former holders are fenced off."""
    with db.transaction() as tx:
        token = tx.value(
            int,
            "insert into fence (name, token) values (%s, 1)"
            " on conflict (name) do update set token = fence.token + 1 returning token",
            (name,),
        )
    assert token is not None, "an upsert returns its row"
    return Fence(name, token)
