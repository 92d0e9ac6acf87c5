"""Lets a video be found by what it is called now, and by nobody who may not see it."""

from events import VideoUpdated
from shared.runtime.function import Context, event_function
from shared.search.put_video import put_video


@event_function(VideoUpdated)
def reindex_video(event: VideoUpdated, context: Context) -> None:
    with context.transaction() as tx:
        put_video(tx, event.video_id)
