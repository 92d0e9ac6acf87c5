"""Locks: one holder at a time, renewed while it works."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg2

from shared.coordination.base import Coordination, LockHeld
from shared.coordination.choice import coordination
from shared.coordination.fence import Fence, issue_token
from shared.errors import Unavailable
from shared.ids import new_id

log = logging.getLogger("wadi.coordination")


@contextmanager
def lock(name: str, holder: str, ttl_s: float) -> Iterator[Fence]:
    """Holds the lock for the block. `holder` is a name for people to read. Raises LockHeld, Unavailable.

    A thread renews the lease. A holder that was paused for longer than `ttl_s` seconds may have lost the lock without
    knowing it: then `fence.check(tx)` refuses its writes.
    """
    server, who = coordination(), f"{holder}/{new_id()}"
    if not server.acquire(name, who, ttl_s):
        raise LockHeld(f"another holds the lock {name}")
    try:
        fence = issue_token(name)
        if not server.keep(name, who, ttl_s):  # we were paused in between, and fenced off the next holder
            raise LockHeld(f"another holds the lock {name}")
        stop = threading.Event()
        renewer = threading.Thread(target=_renew, args=(server, fence, who, ttl_s, stop), name="lock", daemon=True)
        renewer.start()
        try:
            yield fence
        finally:
            stop.set()
            renewer.join()
    finally:
        with suppress(Unavailable, psycopg2.Error):  # then the lease ends by itself
            server.release(name, who)


def _renew(server: Coordination, fence: Fence, who: str, ttl_s: float, stop: threading.Event) -> None:
    """Renews the lease until `stop` is set or the lease is lost: to another, or by no renewal within `ttl_s`."""
    renewed = time.monotonic()
    while not stop.wait(ttl_s / 4):
        asked = time.monotonic()
        try:
            if not server.keep(fence.name, who, ttl_s):
                break
            renewed = asked
        except (Unavailable, psycopg2.Error) as error:
            log.warning("the lock %s is not renewed: %s", fence.name, " ".join(str(error).split()))
            if time.monotonic() - renewed >= ttl_s:
                break
    else:
        return
    fence.lose()
    log.error("the lock %s is lost", fence.name)
