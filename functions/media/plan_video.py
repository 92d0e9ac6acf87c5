"""Probes an uploaded source and decides its segments and renditions."""

from events import VideoUploaded
from shared.config import choices
from shared.media.planning.plan import plan
from shared.runtime.function import Context, event_function, seconds
from shared.storage import ffmpeg_input
from shared.videos import transitions
from shared.videos.failures import fails_video
from shared.videos.row import state_of
from shared.videos.state import State


@event_function(VideoUploaded, lease=seconds(15))
def plan_video(event: VideoUploaded, context: Context) -> None:
    with fails_video(context.transaction, event.video_id):
        with context.transaction() as tx:
            if state_of(tx, event.video_id) is not State.UPLOADED:
                return
        with ffmpeg_input(context.transaction, event.source_key) as file:
            planned = plan(file.path, choices("LADDER"))
        with context.transaction() as tx:
            transitions.plan(tx, event.video_id, planned)
