"""Relays to Kafka or a Broker in the background, so that requests do not wait for them.

One thread of this process, started at the first event. While the other server does not answer, the thread tries again
after a growing pause. If the process ends before that, relay_outbox (every minute) sends what is left.
"""

from __future__ import annotations

import logging
import os
import threading

import psycopg2
from psycopg2.extensions import connection

from shared.config import ConfigError
from shared.db import connect
from shared.outbox.relay import relay

FIRST_PAUSE, LAST_PAUSE = 0.5, 10.0
IDLE_SECONDS = 10.0  # then the thread gives its database connection back

log = logging.getLogger("wadi.outbox")

_wanted = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None
_pid = 0


def wake() -> None:
    """Has the thread relay what is in the outbox."""
    global _thread, _pid
    _wanted.set()
    if _thread is not None and _pid == os.getpid():
        return
    with _starting:
        if _thread is None or _pid != os.getpid():  # a fork leaves the thread behind
            _pid = os.getpid()
            _thread = threading.Thread(target=_run, name="relay", daemon=True)
            _thread.start()


def _run() -> None:
    db: connection | None = None
    pause = 0.0
    while True:
        if not _wanted.wait(IDLE_SECONDS if db is not None else None):
            _close(db)
            db = None
            continue
        _wanted.clear()
        try:
            db = db or connect()
            relay(db)
            pause = 0.0
        except (psycopg2.Error, ConfigError) as error:
            if not pause:
                log.warning("events wait in the outbox: %s", " ".join(str(error).split()))
        except Exception:
            log.exception("events wait in the outbox")
        else:
            continue
        _close(db)
        db = None
        pause = min(max(FIRST_PAUSE, 2 * pause), LAST_PAUSE)
        threading.Event().wait(pause)
        _wanted.set()


def _close(db: connection | None) -> None:
    if db is not None:
        db.close()
