"""KAFKA_BROKERS: where Kafka is, how to talk to it, and whether it answers."""

from __future__ import annotations

import logging
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from shared.config import ConfigError, setting

if TYPE_CHECKING:
    from kafka import KafkaAdminClient  # type: ignore[import-untyped]

ANSWER_SECONDS = 5.0  # the longest that we wait for a broker before we call it away
ASK_SECONDS, ASKED_ANEW_SECONDS = 0.5, 5.0
API_VERSIONS, CORRELATION = 18, 7

# What it has to say about its connections it says again and again; that Kafka is away, our own lines tell once.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

_last_answer: tuple[float, str] = (0.0, "")


def addresses(servers: str = "") -> list[tuple[str, int]]:
    """The brokers to begin with: those that are named, else KAFKA_BROKERS. Raises ConfigError."""
    found = []
    for part in filter(None, (part.strip() for part in (servers or setting("KAFKA_BROKERS")).split(","))):
        host, _, port = part.rpartition(":")
        if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"KAFKA_BROKERS: {part!r} is not of the form host:port.")
        found.append((host.strip("[]"), int(port)))
    if not found:
        raise ConfigError("KAFKA_BROKERS names no broker: host:port, several with commas.")
    return found


def options(servers: str = "") -> dict[str, Any]:
    """What every client of ours is made with. Raises ConfigError."""
    return {
        "bootstrap_servers": [f"{host}:{port}" for host, port in addresses(servers)],
        "bootstrap_timeout_ms": int(ANSWER_SECONDS * 1000),
        # the default lets a client sleep for half a minute after a broker has come back
        "reconnect_backoff_max_ms": 500,
        # so that a topic which is made anew, or given more partitions, is noticed
        "metadata_max_age_ms": 30_000,
        "metrics_enabled": False,
    }


def no_answer(reason: object, servers: str = "") -> ConfigError:
    """One line that names the variable, the address and what went wrong."""
    said = " ".join(str(reason).split()) or type(reason).__name__
    return ConfigError(f"KAFKA_BROKERS: no answer from Kafka at {servers or setting('KAFKA_BROKERS')}: {said}")


def admin(servers: str = "") -> KafkaAdminClient:
    """A client for topics and groups. Raises ConfigError when no broker answers."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError  # type: ignore[import-untyped]

    reach(servers)
    settings = {name: value for name, value in options(servers).items() if name in KafkaAdminClient.DEFAULT_CONFIG}
    try:
        return KafkaAdminClient(**settings, request_timeout_ms=15_000)
    except (KafkaError, OSError) as error:
        raise no_answer(error, servers) from error


def reach(servers: str = "") -> None:
    """Raises ConfigError when no broker answers: asked before each client is made, since one that finds no broker
    waits long, and leaves its sockets behind."""
    if wrong := _ask(servers):
        raise no_answer(wrong, servers)


def unhealthy_reason() -> str | None:
    """Why no broker answers, in one line; None when one does. Cheap: no client is made, and an answer holds for a
    moment."""
    global _last_answer
    at, wrong = _last_answer
    if not at or time.monotonic() - at > ASKED_ANEW_SECONDS:
        wrong = _ask()
        _last_answer = (time.monotonic(), wrong)
    return str(no_answer(wrong)) if wrong else None


def _ask(servers: str = "") -> str:
    wrong: list[str] = []
    for host, port in addresses(servers):
        try:
            with socket.create_connection((host, port), ASK_SECONDS) as broker:
                question = struct.pack(">hhih", API_VERSIONS, 0, CORRELATION, -1)
                broker.sendall(struct.pack(">i", len(question)) + question)
                if struct.unpack(">ii", _exactly(broker, 8))[1] == CORRELATION:
                    return ""
                wrong.append(f"{host}:{port}: no Kafka broker")
        except OSError as error:
            wrong.append(f"{host}:{port}: {error}")
    return "; ".join(wrong)


def _exactly(broker: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = broker.recv(count - len(read))
        if not part:
            raise ConnectionError("the connection was closed without an answer")
        read += part
    return read
