"""Sends the events that a crash left in the outbox, and deletes records of events that are old."""

from shared import db
from shared.config import integer
from shared.outbox import relay
from shared.outbox.postgres.retention import delete_old_records
from shared.rate_limit.counter import forget_old
from shared.runtime.function import Context, ping_function
from shared.runtime.idempotency import delete_old_receipts
from shared.telemetry import metrics


@ping_function()
def relay_outbox(context: Context) -> None:
    connection = db.connect()
    try:
        moved = relay(connection)
    finally:
        connection.close()
    if moved:
        context.log.info("%d events were left behind, sent now", moved)
    keep = integer("EVENT_RETENTION_HOURS")
    with context.transaction() as tx:
        delete_old_records(tx, keep)
        forget_old(tx)
        metrics.OUTBOX_WAITING.set(tx.value(int, "select count(*) from outbox") or 0)
        delete_old_receipts(tx, 2 * keep)  # a receipt must outlive every delivery of its event
