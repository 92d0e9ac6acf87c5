"""From the outbox to the topics, whichever transport carries them."""

from __future__ import annotations

import logging

import psycopg2
from psycopg2.extensions import connection

from shared.config import ConfigError
from shared.outbox.broker import target
from shared.outbox.kafka import connection as brokers
from shared.outbox.postgres import relay as postgres
from shared.telemetry import metrics

log = logging.getLogger("wadi.outbox")


def relay(db: connection) -> int:
    """Moves everything that is committed in the outbox to its topics, in order for each key; how many events.

    Raises ConfigError when Kafka or the Broker did not take all: what it did not take is still in the outbox.
    """
    transport = "kafka" if brokers.in_use() else "broker" if target.in_use() else "postgres"
    try:
        moved = _relay(db, transport)
    except (psycopg2.Error, ConfigError):
        metrics.RELAY_FAILURES.labels(transport).inc()
        raise
    metrics.RELAYED.labels(transport).inc(moved)
    return moved


def _relay(db: connection, transport: str) -> int:
    if transport == "kafka":
        from shared.outbox.kafka import relay as kafka

        return kafka.relay(db)
    if transport == "broker":
        from shared.outbox.broker import relay as sink

        return sink.relay(db)
    return postgres.relay(db)


def relay_soon(db: connection) -> None:
    """Relays after a commit. The events are safe already, so a failure here is no failure of the work."""
    if brokers.in_use() or target.in_use():
        from shared.outbox import background

        background.wake()
        return
    try:
        relay(db)
    except psycopg2.Error as error:
        log.warning("relay failed, relay_outbox will send these events: %s", error)
