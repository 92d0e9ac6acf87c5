"""Removes what is left of a deleted video: replicas, shards, parts, messages, and what search knows of it.

Nodes that are away are not waited for: finish_removals does what remains when they are back.
"""

from events import VideoDeleted
from shared.runtime.function import Context, event_function, seconds
from shared.videos.deleting import empty


@event_function(VideoDeleted, lease=seconds(15))
def remove_video_files(event: VideoDeleted, context: Context) -> None:
    left = empty(context, event.video_id)
    context.log.info("video %s is deleted; %d objects wait for nodes that are away", event.video_id, left)
