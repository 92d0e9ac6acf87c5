"""From the outbox to the topics, whichever transport carries them."""

from __future__ import annotations

import psycopg2
from psycopg2.extensions import connection

from shared.config import ConfigError
from shared.outbox.postgres.relay import relay_to_postgres
from shared.outbox.transport import Transport, transport
from shared.telemetry import metrics


def relay(db: connection) -> int:
    """Moves everything that is committed in the outbox to its topics, in order for each key; how many events.

    Raises ConfigError when Kafka or the Broker did not take all: what it did not take is still in the outbox.
    """
    chosen = transport()
    try:
        moved = _relay_to(chosen, db)
    except (psycopg2.Error, ConfigError):
        metrics.RELAY_FAILURES.labels(chosen).inc()
        raise
    metrics.RELAYED.labels(chosen).inc(moved)
    return moved


def _relay_to(chosen: Transport, db: connection) -> int:
    match chosen:
        case Transport.KAFKA:
            from shared.outbox.kafka.relay import relay_to_kafka  # it brings Kafka's client

            return relay_to_kafka(db)
        case Transport.BROKER:
            from shared.outbox.broker.relay import relay_to_broker

            return relay_to_broker(db)
        case Transport.POSTGRES:
            return relay_to_postgres(db)
