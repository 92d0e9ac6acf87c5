"""Makes the shards of nodes that are lost anew on others."""

import socket

from shared import coordination
from shared.config import integer
from shared.runtime.function import Context, ping_function
from shared.storage.erasure.lost_shards import replace_lost_shards

SHARE_OF_TIMEOUT = 0.8


@ping_function()
def replace_shards(context: Context) -> None:
    try:
        made = replace_lost_shards(
            context.transaction, socket.gethostname(), integer("TIMEOUT_SECONDS") * SHARE_OF_TIMEOUT
        )
    except coordination.LockHeld:
        return  # another process is at it
    if made:
        context.log.warning("%d shards were made anew", made)
