"""Moves objects to the nodes that the ring names, in the background; woken by the nodes' events and each minute."""

import socket

from shared import coordination
from shared.config import integer
from shared.runtime.function import Context, ping_function
from shared.storage.placement.rebalance import rebalance as work_through

SHARE_OF_TIMEOUT = 0.8


@ping_function()
def rebalance(context: Context) -> None:
    try:
        work_through(context.transaction, socket.gethostname(), integer("TIMEOUT_SECONDS") * SHARE_OF_TIMEOUT)
    except coordination.LockHeld:
        return  # whoever is at it sees what changed meanwhile
