"""Lets a video be found by what it is called now, and by nobody who may not see it."""

from events import VideoUpdated
from shared.runtime.function import Context, event_function
from shared.search.indexing import index_ready_video


@event_function(VideoUpdated)
def reindex_video(event: VideoUpdated, context: Context) -> None:
    with context.transaction() as tx:
        index_ready_video(tx, event.video_id)
