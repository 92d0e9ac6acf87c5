"""Rebuilds the shards of lost nodes on others."""

from shared.runtime.function import Context, ping_function
from shared.runtime.jobs import job_seconds
from shared.storage.erasure.lost_shards import replace_lost_shards


@ping_function(exclusive="replace-shards")
def replace_shards(context: Context) -> None:
    made = replace_lost_shards(context.transaction, job_seconds())
    if made:
        context.log.warning("%d shards were rebuilt", made)
