"""Freezes what was not watched for FREEZE_AFTER_DAYS, at night; asks again for what is recalled and still frozen."""

import socket

from shared import coordination
from shared.config import integer
from shared.runtime.function import Context, ping_function
from shared.storage.erasure.freeze import freeze as work_through
from shared.videos.watched import recall_again

SHARE_OF_TIMEOUT = 0.8
BATCH = 100


@ping_function()
def freeze(context: Context) -> None:
    with context.transaction() as tx:
        recall_again(tx, BATCH)
    try:
        result = work_through(context.transaction, socket.gethostname(), integer("TIMEOUT_SECONDS") * SHARE_OF_TIMEOUT)
    except coordination.LockHeld:
        return  # another process is at it
    if result.objects:
        context.log.info("froze %d objects into %d bytes", result.objects, result.stored_bytes)
