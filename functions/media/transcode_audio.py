"""Encodes the audio track, whole, in one go, so that there is nothing to hear at the joins of its segments."""

from events import AudioPlanned
from shared.media.audio.encode import encode_audio
from shared.media.model import AUDIO_RENDITION
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.videos.deleted_meanwhile import may_record
from shared.videos.failures import fails_video
from shared.videos.row import planned_video
from shared.videos.segment_files import SegmentFiles, objects_of, store_segment
from shared.videos.segments import record_audio
from shared.videos.transitions import UNFINISHED
from shared.videos.updates import audio_done


@event_function(AudioPlanned, lease=seconds(15))
def transcode_audio(event: AudioPlanned, context: Context) -> None:
    with fails_video(context.transaction, event.video_id), workspace("transcode_audio") as folder:
        with context.transaction() as tx:
            video = planned_video(tx, event.video_id)
        if video is None or video.state not in UNFINISHED or video.audio_done:
            return
        newest: list[SegmentFiles] = []  # not recorded yet
        with ffmpeg_input(context.transaction, video.source_key) as file:
            for segment in encode_audio(file.path, video.plan, folder, AUDIO_RENDITION):
                # one behind: the last segment commits together with audio_done, so that whoever sees the last segment's
                # event also sees that no more will come
                file.check()
                with context.transaction() as tx:
                    if not may_record(tx, event.video_id, objects_of(*newest)):
                        return
                    for files in newest:
                        record_audio(tx, event.video_id, files)
                newest = [store_segment(event.video_id, segment)]
        with context.transaction() as tx:
            if not may_record(tx, event.video_id, objects_of(*newest)):
                return
            audio_done(tx, event.video_id)
            for files in newest:
                record_audio(tx, event.video_id, files, last=True)
