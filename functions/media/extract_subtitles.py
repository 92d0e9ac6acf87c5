"""Makes a WebVTT file of each text subtitle track of the source."""

from pathlib import Path

from events import VideoPlanned
from shared.media.errors import MediaError
from shared.media.subtitles.extraction import extract_subtitles as extract
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.uploads.sources import release_now
from shared.videos.deleted_meanwhile import may_record, no_error_once_deleted
from shared.videos.row import planned_video
from shared.videos.segment_files import store_under_hash
from shared.videos.subtitles import record_subtitles


@event_function(VideoPlanned, lease=seconds(15))
def extract_subtitles(event: VideoPlanned, context: Context) -> None:
    with context.transaction() as tx:
        video = planned_video(tx, event.video_id)
    if video is None or video.subtitles_done:
        return
    folder = f"videos/{event.video_id}"
    with no_error_once_deleted(context.transaction, event.video_id), workspace("extract_subtitles") as work:
        try:
            with ffmpeg_input(context.transaction, video.source_key) as file:
                made = extract(file.path, video.plan, work)
        except MediaError as error:
            context.log.warning("video %s stays without subtitles: %s", event.video_id, error.reason)
            made = []
        stored = {
            each.rendition: store_under_hash(folder, each.rendition, Path(each.path), event.video_id) for each in made
        }
        with context.transaction() as tx:
            if may_record(tx, event.video_id, stored.values()):
                record_subtitles(tx, event.video_id, stored)
                release_now(tx, event.video_id)
