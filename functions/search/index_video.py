"""Makes a video that is ready findable."""

from events import VideoReady
from shared.runtime.function import Context, event_function
from shared.search.indexing import index_ready_video


@event_function(VideoReady)
def index_video(event: VideoReady, context: Context) -> None:
    with context.transaction() as tx:
        index_ready_video(tx, event.video_id)
