"""Freezes what was not watched for FREEZE_AFTER_DAYS, at night; asks again for what is recalled and still frozen."""

from shared.runtime.function import Context, ping_function
from shared.runtime.jobs import job_seconds
from shared.storage.erasure.freeze import freeze as work_through
from shared.videos.watched import recall_again

BATCH = 100


@ping_function(exclusive="freeze")
def freeze(context: Context) -> None:
    with context.transaction() as tx:
        recall_again(tx, BATCH)
    result = work_through(context.transaction, job_seconds())
    if result.objects:
        context.log.info("froze %d objects into %d bytes", result.objects, result.stored_bytes)
