"""Compares replicas with their checksums and repairs the damaged ones; first what was not looked at for longest."""

import socket

from shared import coordination
from shared.config import integer
from shared.runtime.function import Context, ping_function
from shared.storage.repair.scrub import scrub as work_through

SHARE_OF_TIMEOUT = 0.8


@ping_function()
def scrub(context: Context) -> None:
    try:
        work_through(context.transaction, socket.gethostname(), integer("TIMEOUT_SECONDS") * SHARE_OF_TIMEOUT)
    except coordination.LockHeld:
        return  # another process is at it
