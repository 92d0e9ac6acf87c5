"""Events into the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.json import encode

from events.base import Event, data_schema
from shared.ids import new_id
from shared.telemetry import trace

if TYPE_CHECKING:
    from shared.db.transaction import Transaction

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


def write(tx: Transaction, source: str, events: Sequence[Event]) -> None:
    """Inserts the events in the order given; they are sent if the transaction commits, and only then.

    Raises ValueError for one that no topic would take: in the outbox it would hold up all that come after it.
    """
    rows = []
    for event in events:
        if len(encode(event)) > LARGEST_DATA:
            raise ValueError(f"The data of {event.type} has more than {LARGEST_DATA} bytes.")
        sealed = envelope(event, source)
        rows.append((sealed["id"], event.type, event.partition_key, tx.json(sealed)))
    tx.execute_many("insert into outbox (id, topic, key, event) values %s", rows)
