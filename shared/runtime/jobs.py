"""Jobs: ping functions that only one process runs at a time, each time for a part of what a request may take."""

import functools
import socket
from collections.abc import Callable
from typing import Any

from shared.config import integer
from shared.runtime.context import Context

LEASE_SECONDS = 30
SHARE_OF_TIMEOUT = 0.8

Job = Callable[[Context], Any]


def exclusively(name: str, call: Job) -> Job:
    """The call under the lock `name`; while another process holds the lock, nothing is done.

    Each `context.transaction()` checks the lock's fence, so a process that was paused for longer than its lease cannot
    write any more. Raises Fenced then, and Unavailable when the coordination does not answer.
    """

    from shared import coordination  # only here: functions without a lock do without it

    @functools.wraps(call)
    def run(context: Context) -> None:
        try:
            with coordination.lock(name, socket.gethostname(), LEASE_SECONDS) as fence:
                context.fence = fence
                call(context)
        except coordination.LockHeld:
            context.log.debug("another process holds the lock %s", name)

    return run


def job_seconds() -> float:
    """How long a job should work at a time, so that its request is answered before TIMEOUT_SECONDS are over."""
    return integer("TIMEOUT_SECONDS") * SHARE_OF_TIMEOUT
