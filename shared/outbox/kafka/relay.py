"""From the outbox to Kafka, in order for each key. Rows are deleted only when all copies of the topic have them."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from psycopg2.extensions import connection

from shared.cloudevents.kafka import to_record
from shared.config import ConfigError
from shared.outbox.batches import OutboxRow, Sent, relay_in_batches
from shared.outbox.kafka import client

if TYPE_CHECKING:
    from kafka import KafkaProducer  # type: ignore[import-untyped]

ACK_SECONDS = 10.0

log = logging.getLogger("wadi.outbox")

_producer: KafkaProducer | None = None
_pid = 0
_making = threading.Lock()


def relay_to_kafka(db: connection) -> int:
    """Sends everything that is committed in the outbox; how many events. Raises ConfigError when some of it could not
    be sent: then it is still in the outbox."""
    refused: dict[str, str] = {}
    moved = relay_in_batches(db, "topic", refused, lambda rows: Sent(_send(rows, refused)))
    if refused:
        _give_up_producer()  # what it still holds must not come after what is sent next
        raise ConfigError("; ".join(f"{topic}: {reason}" for topic, reason in refused.items()))
    return moved


def _send(rows: list[OutboxRow], refused: dict[str, str]) -> list[int]:
    """The rows that Kafka has for certain: of each topic those before the first that failed."""
    from kafka.errors import KafkaError  # type: ignore[import-untyped]

    producer = _the_producer()
    waiting = []
    for seq, topic, event in rows:
        if topic in refused:
            continue
        record = to_record(event)
        try:
            waiting.append((seq, topic, producer.send(topic, record.value, record.key, record.headers)))
        except (KafkaError, ValueError, AssertionError) as error:
            refused[topic] = _reason(error)
    try:
        producer.flush(ACK_SECONDS)
    except KafkaError as error:
        log.debug("flush: %s", error)  # which events it was, their futures tell
    sent = []
    for seq, topic, future in waiting:
        try:
            future.get(0 if future.is_done else 0.01)
        except (KafkaError, AssertionError) as error:
            refused.setdefault(topic, _reason(error))
        if topic not in refused:
            sent.append(seq)
    return sent


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _the_producer() -> KafkaProducer:
    """One for this process, made at the first event. Raises ConfigError when no broker answers."""
    global _producer, _pid
    with _making:
        if _producer is None or _pid != os.getpid():  # after a fork it is the parent's
            _producer, _pid = _make(), os.getpid()
        return _producer


def _make() -> KafkaProducer:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    client.reach()
    try:
        return KafkaProducer(
            **client.options(),
            acks="all",
            enable_idempotence=True,
            # All events of one relay that go to one partition go in one batch: it has all of them or none, so an
            # event can never get there while the one before it was given up.
            batch_size=1 << 20,
            linger_ms=20,  # flush() ends it
            max_request_size=1 << 20,
            max_block_ms=3000,
            request_timeout_ms=5000,
            delivery_timeout_ms=8000,
        )
    except (KafkaError, OSError) as error:
        raise client.no_answer(error) from error


def _give_up_producer() -> None:
    from kafka.errors import KafkaError

    global _producer
    with _making:
        if _producer is not None:
            try:
                _producer.close(timeout=1)
            except KafkaError:  # something of it never got an answer, and it stays open
                _producer._sender.force_close()
        _producer = None
