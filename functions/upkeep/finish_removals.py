"""Ends what deleting began: on nodes that were away, and where the event that asks for it was lost."""

from shared.errors import Unavailable
from shared.runtime.function import Context, ping_function
from shared.storage.deletion_queue import delete_queued
from shared.videos.deleting import empty

BATCH = 100
LATE = 300  # seconds; remove_video_files was told before


@ping_function()
def finish_removals(context: Context) -> None:
    with context.transaction() as tx:
        late = tx.all(
            "select id from video where deleted_at < now() - make_interval(secs => %s) and emptied_at is null"
            " order by deleted_at limit %s",
            (LATE, BATCH),
        )
    for video in late:
        try:
            empty(context, video["id"])
        except Unavailable as error:
            context.log.warning("video %s is not out of the search index yet: %s", video["id"], error)
    delete_queued(context.transaction)
