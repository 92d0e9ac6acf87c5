"""What a consumer has handled: every event is handled once, however often it is delivered.

A record is absent, in progress (it has a holder, whose lease ends at lease_until) or handled (no holder). Times are the
database's, so a machine whose clock is wrong neither steals a lease nor keeps one.
"""

import logging
import threading
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import psycopg2

from shared import db
from shared.errors import Busy, LeaseLost
from shared.ids import new_id

log = logging.getLogger("wadi.inbox")


class Receipt(NamedTuple):
    """What identifies an event to a consumer: CloudEvents 1.0 says that source and id together are unique."""

    consumer: str
    source: str
    id: str


def claim(tx: db.Transaction, receipt: Receipt) -> bool:
    """Marks the event as handled within the handler's own transaction; False when it was handled before.

    Two deliveries at once: the second waits at the unique key until the first has committed (then it is False) or
    rolled back (then it is the first).
    """
    return (
        tx.execute("insert into inbox (consumer, source, id) values (%s, %s, %s) on conflict do nothing", receipt) == 1
    )


class Lease:
    """Holds an event while long work is done, renewed by a thread; for the work of one process at a time.

    Entering raises Busy when another holds it, and gives False when the event was handled before. Leaving without an
    error marks it as handled; leaving with one frees it for the next try.
    """

    def __init__(self, receipt: Receipt, seconds: float) -> None:
        self.receipt = receipt
        self.seconds = seconds
        self.holder = new_id()
        self._stop = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    def acquire(self) -> bool:
        """True: it is ours. False: it was handled before. Raises Busy."""
        with db.transaction() as tx:
            mine = tx.one(
                """
                insert into inbox (consumer, source, id, holder, lease_until)
                values (%s, %s, %s, %s, now() + make_interval(secs => %s))
                on conflict (consumer, source, id) do update
                    set holder = excluded.holder, lease_until = excluded.lease_until, at = now()
                    where inbox.holder is not null and inbox.lease_until < now()
                returning true as mine
                """,
                (*self.receipt, self.holder, self.seconds),
            )
            if mine:
                self._renewer.start()
                return True
            other = tx.one("select holder from inbox where consumer = %s and source = %s and id = %s", self.receipt)
        if other is not None and other["holder"] is None:
            return False
        raise Busy("Another process is at this event.")

    def fence(self, tx: db.Transaction) -> None:
        """Holds the lease's row until `tx` ends. Raises LeaseLost when another took the work over."""
        row = tx.one(
            "select true as mine from inbox where consumer = %s and source = %s and id = %s and holder = %s for update",
            (*self.receipt, self.holder),
        )
        if row is None:
            raise LeaseLost("Another process took this event over.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._renewer.join()
        if error is None:
            with db.transaction() as tx:
                if not tx.execute(
                    "update inbox set holder = null, lease_until = null, at = now()"
                    " where consumer = %s and source = %s and id = %s and holder = %s",
                    (*self.receipt, self.holder),
                ):
                    raise LeaseLost("Another process took this event over.")
            return
        with suppress(Exception), db.transaction() as tx:  # the lease ends by itself where this fails
            tx.execute(
                "delete from inbox where consumer = %s and source = %s and id = %s and holder = %s",
                (*self.receipt, self.holder),
            )

    def _renew(self) -> None:
        while not self._stop.wait(self.seconds / 3):
            try:
                with db.transaction() as tx:
                    tx.execute(
                        "update inbox set lease_until = now() + make_interval(secs => %s)"
                        " where consumer = %s and source = %s and id = %s and holder = %s",
                        (self.seconds, *self.receipt, self.holder),
                    )
            except (psycopg2.Error, OSError) as error:
                log.warning("lease of %s not renewed: %s", self.receipt.id, error)
            except Exception:
                log.exception("lease of %s not renewed", self.receipt.id)


def delete_old_receipts(tx: db.Transaction, hours: int) -> None:
    """Forgets events that were handled more than `hours` ago: longer than any delivery of them may still come."""
    tx.execute("delete from inbox where holder is null and at < now() - make_interval(hours => %s)", (hours,))
