"""Encodes one audio rendition, whole, in one go, so that there is nothing to hear at the joins of its segments."""

from events import AudioPlanned
from shared.media.audio.encode import encode_audio
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.videos.deleted_meanwhile import may_record
from shared.videos.failures import fails_video
from shared.videos.row import planned_video
from shared.videos.segment_files import objects_of, store_segment
from shared.videos.segments import is_whole, record_encoded
from shared.videos.transitions import UNFINISHED


@event_function(AudioPlanned, lease=seconds(15))
def transcode_audio(event: AudioPlanned, context: Context) -> None:
    with fails_video(context.transaction, event.video_id), workspace("transcode_audio") as folder:
        with context.transaction() as tx:
            video = planned_video(tx, event.video_id)
            done = is_whole(tx, event.video_id, event.rendition)
        if video is None or video.state not in UNFINISHED or done:
            return
        with ffmpeg_input(context.transaction, video.source_key) as file:
            for segment in encode_audio(file.path, video.plan, folder, event.rendition):
                file.check()
                files = store_segment(event.video_id, segment)
                with context.transaction() as tx:
                    if not may_record(tx, event.video_id, objects_of(files)):
                        return
                    record_encoded(tx, event.video_id, files)
