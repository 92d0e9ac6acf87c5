"""Events into the outbox, in the transaction that changes what they tell of."""

from datetime import UTC, datetime
from typing import Any

from msgspec.json import encode

from events.base import Event, data_schema
from shared.db import Transaction
from shared.ids import new_id
from shared.outbox.after_commit import relay_soon
from shared.telemetry import trace

LARGEST_DATA = 512 * 1024  # half of what Kafka takes in one record


def envelope(event: Event, source: str) -> dict[str, Any]:
    """The CloudEvent in JSON form, new id and time."""
    return {
        "specversion": "1.0",
        "id": new_id(),
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": data_schema(type(event)),
        "partitionkey": event.partition_key,
        "traceparent": trace.current(),
        "data": event,
    }


def publish(tx: Transaction, *events: Event) -> None:
    """Writes events to the outbox in the order given: they are sent if the transaction commits, and only then. Right
    after the commit they are relayed.

    Raises ValueError for one that no topic would take: in the outbox it would hold up all that come after it.
    """
    rows = []
    for event in events:
        if len(encode(event)) > LARGEST_DATA:
            raise ValueError(f"The data of {event.type} has more than {LARGEST_DATA} bytes.")
        sealed = envelope(event, tx.source)
        rows.append((sealed["id"], event.type, event.partition_key, tx.json(sealed)))
    tx.execute_many("insert into outbox (id, topic, key, event) values %s", rows)
    tx.after_commit(relay_soon)
