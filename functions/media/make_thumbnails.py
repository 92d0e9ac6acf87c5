"""Makes the poster and the storyboard (small pictures over the timeline, for the seek bar)."""

from pathlib import Path

import msgspec

from events import VideoPlanned
from shared.media.errors import MediaError
from shared.media.pictures.thumbnails import make_thumbnails as make
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input, record
from shared.uploads.sources import release_now
from shared.videos.deleting import still_wanted
from shared.videos.failing import ends_with_video
from shared.videos.store import store_under_hash
from shared.videos.view import plan_of


@event_function(VideoPlanned, lease=seconds(15))
def make_thumbnails(event: VideoPlanned, context: Context) -> None:
    with context.transaction() as tx:
        video = tx.one("select plan, source_key, thumbnails_done from video where id = %s", (event.video_id,))
        if video is None or video["plan"] is None or video["thumbnails_done"]:
            return
    plan = plan_of(video)
    assert plan is not None
    folder = f"videos/{event.video_id}"
    with ends_with_video(context, event.video_id), workspace("make_thumbnails") as work:
        try:
            with ffmpeg_input(context.transaction, video["source_key"]) as file:
                made = make(file.path, plan, work)
        except MediaError as error:
            context.log.warning("video %s stays without pictures: %s", event.video_id, error.reason)
            with context.transaction() as tx:
                tx.execute("update video set thumbnails_done = true where id = %s", (event.video_id,))
                release_now(tx, event.video_id)
            return
        poster = store_under_hash(folder, "poster", Path(made.poster_path), event.video_id)
        sheets = [
            store_under_hash(folder, f"storyboard-{number}", Path(path), event.video_id)
            for number, path in enumerate(made.storyboard.sheets)
        ]
        board = msgspec.structs.replace(made.storyboard, sheets=[sheet.object.key for sheet in sheets])
        with context.transaction() as tx:
            if not still_wanted(tx, event.video_id, (poster, *sheets)):
                return
            for stored in (poster, *sheets):
                record(tx, stored)
            tx.execute(
                "update video set poster_key = %s, storyboard = %s, thumbnails_done = true where id = %s",
                (poster.object.key, tx.json(board), event.video_id),
            )
            release_now(tx, event.video_id)
