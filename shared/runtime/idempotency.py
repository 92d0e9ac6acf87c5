"""Idempotency: every event is handled once, however often it is delivered.

The record of an event in the table `inbox` is absent, in progress (it has a holder, whose lease ends at lease_until) or
completed (no holder). Times are the database's, so a machine whose clock is wrong neither steals a lease nor keeps one.
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


class IdempotencyKey(NamedTuple):
    """Identifies an event to a consumer: CloudEvents 1.0 says that source and id together are unique."""

    consumer: str
    source: str
    id: str


def complete(tx: db.Transaction, key: IdempotencyKey) -> bool:
    """Marks the event as completed within the handler's own transaction; False when it was completed before.

    Two deliveries at once: the second waits at the unique key until the first has committed (then it is False) or
    rolled back (then it is the first).
    """
    return tx.execute("insert into inbox (consumer, source, id) values (%s, %s, %s) on conflict do nothing", key) == 1


class Lease:
    """Keeps an event in progress while long work is done by one process; a thread renews it.

    Leaving its block without an error marks the event as completed; leaving it with an error removes the record, so
    that the next delivery can try again.
    """

    def __init__(self, key: IdempotencyKey, seconds: float) -> None:
        self.key = key
        self.seconds = seconds
        self.holder = new_id()
        self._stop = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    def acquire(self) -> bool:
        """True: this process has it now. False: the event was completed before. Raises Busy while another process has
        it."""
        with db.transaction() as tx:
            acquired = tx.exists(
                """
                insert into inbox (consumer, source, id, holder, lease_until)
                values (%s, %s, %s, %s, now() + make_interval(secs => %s))
                on conflict (consumer, source, id) do update
                    set holder = excluded.holder, lease_until = excluded.lease_until, at = now()
                    where inbox.holder is not null and inbox.lease_until < now()
                returning 1
                """,
                (*self.key, self.holder, self.seconds),
            )
            if acquired:
                self._renewer.start()
                return True
            completed = tx.exists(
                "select 1 from inbox where consumer = %s and source = %s and id = %s and holder is null", self.key
            )
        if completed:
            return False
        raise Busy("Another process is at this event.")

    def fence(self, tx: db.Transaction) -> None:
        """Locks the lease's row until `tx` ends. Raises LeaseLost when another process has taken the work over."""
        if not tx.exists(
            "select 1 from inbox where consumer = %s and source = %s and id = %s and holder = %s for update",
            (*self.key, self.holder),
        ):
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
                    (*self.key, self.holder),
                ):
                    raise LeaseLost("Another process took this event over.")
            return
        with suppress(Exception), db.transaction() as tx:  # the lease ends by itself where this fails
            tx.execute(
                "delete from inbox where consumer = %s and source = %s and id = %s and holder = %s",
                (*self.key, self.holder),
            )

    def _renew(self) -> None:
        while not self._stop.wait(self.seconds / 3):
            try:
                with db.transaction() as tx:
                    tx.execute(
                        "update inbox set lease_until = now() + make_interval(secs => %s)"
                        " where consumer = %s and source = %s and id = %s and holder = %s",
                        (self.seconds, *self.key, self.holder),
                    )
            except (psycopg2.Error, OSError) as error:
                log.warning("lease of %s not renewed: %s", self.key.id, error)
            except Exception:
                log.exception("lease of %s not renewed", self.key.id)


def delete_old_receipts(tx: db.Transaction, hours: int) -> None:
    """Forgets events that were handled more than `hours` ago: longer than any delivery of them may still come."""
    tx.execute("delete from inbox where holder is null and at < now() - make_interval(hours => %s)", (hours,))
