"""Brings the replicas of a frozen video back once somebody watches it. Until then views are served from its shards."""

from events import VideoRecalled
from shared.runtime.function import Context, event_function, seconds
from shared.storage.erasure.thaw import thaw as work_through


@event_function(VideoRecalled, lease=seconds(15))
def thaw(event: VideoRecalled, context: Context) -> None:
    count = work_through(context.transaction, event.video_id)
    context.log.info("thawed %d objects of video %s", count, event.video_id)
