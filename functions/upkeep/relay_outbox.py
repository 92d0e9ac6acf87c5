"""Sends the events that a crash left in the outbox, and forgets what is long past."""

from shared import db
from shared.config import integer
from shared.outbox import relay
from shared.rate_limit.counter import forget_old
from shared.runtime.function import Context, ping_function
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
    keep = integer("EVENT_RETENTION_HOURS", minimum=1)
    with context.transaction() as tx:
        # A consumer that comes later reads from the earliest record that is still kept, as with Kafka's retention.
        tx.execute(
            """
            delete from topic_record r where appended_at < now() - make_interval(hours => %s)
              and not exists (select 1 from delivery d where d.position = r.position)
              and not exists (select 1 from consumer_offset o where o.topic = r.topic and o.position < r.position)
            """,
            (keep,),
        )
        forget_old(tx)
        row = tx.one("select count(*) as events from outbox")
        metrics.OUTBOX_WAITING.set(row["events"] if row else 0)
        # An inbox record must outlive every delivery of its event.
        tx.execute("delete from inbox where holder is null and at < now() - make_interval(hours => %s)", (2 * keep,))
