"""Relays right after the commit that wrote the events."""

from __future__ import annotations

import logging

import psycopg2
from psycopg2.extensions import connection

from shared.outbox import background
from shared.outbox.relay import relay
from shared.outbox.transport import Transport, transport

log = logging.getLogger("wadi.outbox")


def relay_soon(db: connection) -> None:
    """Moves the events to their topics now. Where those are on another server, the background thread does it.

    The events are committed already, so a failure here is no failure of the caller's work.
    """
    if transport() is not Transport.POSTGRES:
        background.wake()
        return
    try:
        relay(db)
    except psycopg2.Error as error:
        log.warning("relay failed, relay_outbox will send these events: %s", error)
