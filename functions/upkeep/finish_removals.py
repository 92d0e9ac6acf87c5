"""Finishes deletions: on nodes that were away, and of videos whose event was lost."""

from shared.deletion.delete import remove_contents
from shared.errors import Unavailable
from shared.runtime.function import Context, ping_function
from shared.storage.deletion_queue import delete_queued
from shared.videos.stalled import not_emptied

BATCH = 100
LATE = 300  # seconds; by then remove_video_files should have done it


@ping_function()
def finish_removals(context: Context) -> None:
    with context.transaction() as tx:
        late = not_emptied(tx, LATE, BATCH)
    for video_id in late:
        try:
            remove_contents(context.transaction, video_id)
        except Unavailable as error:
            context.log.warning("video %s is not out of the search index yet: %s", video_id, error)
    delete_queued(context.transaction)
