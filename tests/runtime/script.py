"""What the functions for tests can be told to do, by the `reason` in their event."""

from events import VideoFailed, VideoPlayable, VideoReady
from shared import db
from shared.db import Transaction
from shared.errors import Malformed
from shared.outbox import publish
from shared.runtime.function import Context

LOCK = 4_711  # of PostgreSQL, advisory: a test holds it to keep a function at its work


def note(tx: Transaction, event: VideoFailed, text: str) -> None:
    tx.execute("insert into note (id, text) values (%s, %s)", (event.video_id, text))


def wait(tx: Transaction) -> None:
    """Waits for the test, though not for ever: it may be waiting for this."""
    tx.execute("set local lock_timeout = '60s'")
    tx.execute("select pg_advisory_xact_lock(%s)", (LOCK,))


def hold() -> None:
    """Waits for the test, without a transaction of the function."""
    with db.transaction() as tx:
        wait(tx)


def perform(event: VideoFailed, context: Context, tx: Transaction) -> None:
    note(tx, event, "done")
    publish(tx, VideoPlayable(event.video_id), VideoReady(event.video_id))
    match event.reason:
        case "explode":
            raise RuntimeError("as the test wants it")
        case "malformed":
            raise Malformed("This names something that cannot be.")
        case "wait":
            wait(tx)
