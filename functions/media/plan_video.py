"""Probes an uploaded source and decides its segments and renditions."""

from events import VideoPlanned, VideoUploaded
from shared.ids import new_id
from shared.media.model import Plan
from shared.media.planning.plan import plan
from shared.outbox import publish
from shared.runtime.function import Context, event_function, seconds
from shared.storage import ffmpeg_input
from shared.videos.failing import fails_video
from shared.videos.work import planned_work


@event_function(VideoUploaded, lease=seconds(15))
def plan_video(event: VideoUploaded, context: Context) -> None:
    with fails_video(context, event.video_id):
        with context.transaction() as tx:
            video = tx.one("select state from video where id = %s", (event.video_id,))
            if video is None or video["state"] != "uploaded":
                return
        with ffmpeg_input(context.transaction, event.source_key) as file:
            planned = plan(file.path)
        _publish(event.video_id, planned, context)


def _publish(video_id: str, planned: Plan, context: Context) -> None:
    with context.transaction() as tx:
        won = tx.one(
            "update video set state = 'planned', plan = %s, audio_done = %s, planned_at = now(), updated_at = now()"
            " where id = %s and state = 'uploaded' returning owner_id",
            (tx.json(planned), planned.source.audio is None, video_id),
        )
        if won is None:
            return
        tx.execute_many(
            "insert into media_segment (id, video_id, rendition, index) values %s"
            " on conflict (video_id, rendition, index) do nothing",
            [
                (new_id(), video_id, rendition.name, index)
                for index in range(planned.segments)
                for rendition in planned.renditions
            ],
        )
        publish(tx, *planned_work(tx, video_id, won["owner_id"], planned), VideoPlanned(video_id))
