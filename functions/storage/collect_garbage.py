"""Deletes from the nodes what nothing refers to: found first, deleted when that is still so later."""

from shared.runtime.function import Context, ping_function
from shared.storage.jobs.garbage import collect


@ping_function(exclusive="collect-garbage")
def collect_garbage(context: Context) -> None:
    deleted = collect(context.transaction)
    if deleted:
        context.log.info("deleted %d things that nothing referred to", deleted)
