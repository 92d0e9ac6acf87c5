"""Locks: one holder at a time, renewed while it works."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg2

from shared.coordination.base import Coordination, Held
from shared.coordination.choice import coordination
from shared.coordination.fence import Fence, give_out
from shared.errors import Unavailable
from shared.ids import new_id

log = logging.getLogger("wadi.coordination")


@contextmanager
def lock(name: str, holder: str, ttl_s: float) -> Iterator[Fence]:
    """Holds the lock for the block; `holder` says who, for people. Raises Held, Unavailable.

    A thread renews the lease. A holder that was paused for longer than `ttl_s` is deposed: whatever it believes,
    `fence.check(tx)` refuses its writes.
    """
    keeper, who = coordination(), f"{holder}/{new_id()}"
    if not keeper.acquire(name, who, ttl_s):
        raise Held(f"another holds the lock {name}")
    try:
        fence = give_out(name)
        if not keeper.keep(name, who, ttl_s):  # asleep in between, we deposed who came after us
            raise Held(f"another holds the lock {name}")
        stop = threading.Event()
        renewer = threading.Thread(target=_renew, args=(keeper, fence, who, ttl_s, stop), name="lock", daemon=True)
        renewer.start()
        try:
            yield fence
        finally:
            stop.set()
            renewer.join()
    finally:
        with suppress(Unavailable, psycopg2.Error):  # then it runs out by itself
            keeper.release(name, who)


def _renew(keeper: Coordination, fence: Fence, who: str, ttl_s: float, stop: threading.Event) -> None:
    """Until it is stopped, or the lease is lost: taken by another, or not renewed for as long as it lasts."""
    renewed = time.monotonic()
    while not stop.wait(ttl_s / 4):
        asked = time.monotonic()
        try:
            if not keeper.keep(fence.name, who, ttl_s):
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
