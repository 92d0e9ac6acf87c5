"""Compares replicas with their checksums and repairs the corrupt ones; first what was not checked for longest."""

from shared.runtime.function import Context, ping_function
from shared.runtime.jobs import job_seconds
from shared.storage.repair.scrub import scrub as work_through


@ping_function(exclusive="scrub")
def scrub(context: Context) -> None:
    work_through(context.transaction, job_seconds())
