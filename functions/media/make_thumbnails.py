"""Makes the poster and the storyboard (small pictures over the timeline, for the seek bar)."""

from pathlib import Path

from msgspec.structs import replace

from events import VideoPlanned
from shared.media.errors import MediaError
from shared.media.pictures.thumbnails import make_thumbnails as make
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input, record
from shared.uploads.sources import release_now
from shared.videos.deleted_meanwhile import may_record, no_error_once_deleted
from shared.videos.row import planned_video
from shared.videos.segment_files import store_under_hash
from shared.videos.updates import no_thumbnails, set_thumbnails


@event_function(VideoPlanned, lease=seconds(15))
def make_thumbnails(event: VideoPlanned, context: Context) -> None:
    with context.transaction() as tx:
        video = planned_video(tx, event.video_id)
    if video is None or video.thumbnails_done:
        return
    folder = f"videos/{event.video_id}"
    with no_error_once_deleted(context.transaction, event.video_id), workspace("make_thumbnails") as work:
        try:
            with ffmpeg_input(context.transaction, video.source_key) as file:
                made = make(file.path, video.plan, work)
        except MediaError as error:
            context.log.warning("video %s stays without pictures: %s", event.video_id, error.reason)
            with context.transaction() as tx:
                no_thumbnails(tx, event.video_id)
                release_now(tx, event.video_id)
            return
        poster = store_under_hash(folder, "poster", Path(made.poster_path), event.video_id)
        sheets = [
            store_under_hash(folder, f"storyboard-{number}", Path(path), event.video_id)
            for number, path in enumerate(made.storyboard.sheets)
        ]
        with context.transaction() as tx:
            if not may_record(tx, event.video_id, (poster, *sheets)):
                return
            for stored in (poster, *sheets):
                record(tx, stored)
            storyboard = replace(made.storyboard, sheets=[sheet.object.key for sheet in sheets])
            set_thumbnails(tx, event.video_id, poster.object.key, storyboard)
            release_now(tx, event.video_id)
