"""Removes what is left of a deleted video: replicas, shards, parts, messages, and what search knows of it.

It does not wait for nodes that are away: finish_removals does the rest when they are back.
"""

from events import VideoDeleted
from shared.deletion.delete import remove_contents
from shared.runtime.function import Context, event_function, seconds


@event_function(VideoDeleted, lease=seconds(15))
def remove_video_files(event: VideoDeleted, context: Context) -> None:
    left = remove_contents(context.transaction, event.video_id)
    context.log.info("video %s is deleted; %d objects wait for nodes that are away", event.video_id, left)
