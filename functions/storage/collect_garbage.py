"""Removes from the nodes what no video owns: found first, removed when it still belongs to nobody later."""

import socket

from shared import coordination
from shared.runtime.function import Context, ping_function
from shared.storage.jobs.garbage import collect


@ping_function()
def collect_garbage(context: Context) -> None:
    try:
        removed = collect(context.transaction, socket.gethostname())
    except coordination.LockHeld:
        return  # another process is at it
    if removed:
        context.log.info("removed %d things that belonged to nobody", removed)
