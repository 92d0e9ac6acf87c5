"""Moves objects to the nodes that the ring names, in the background; woken by the nodes' events and each minute."""

from shared.runtime.function import Context, ping_function
from shared.runtime.jobs import job_seconds
from shared.storage.jobs.rebalance import rebalance as work_through


@ping_function(exclusive="rebalance")  # the process that holds the lock sees what changed meanwhile
def rebalance(context: Context) -> None:
    work_through(context.transaction, job_seconds())
