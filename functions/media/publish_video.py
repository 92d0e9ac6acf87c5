"""The fan-in: counts what is encoded, and tells when a video becomes playable and when it is ready."""

from events import SegmentEncoded, VideoPlayable, VideoReady
from shared.outbox import publish
from shared.runtime.function import Context, event_function
from shared.videos.view import plan_of
from shared.videos.work import can_play


@event_function(SegmentEncoded)
def publish_video(event: SegmentEncoded, context: Context) -> None:
    with context.transaction() as tx:
        # the lock makes the last two of a video's events count one after the other: one of them sees all
        video = tx.one("select * from video where id = %s for update", (event.video_id,))
        if video is None or video["state"] not in ("planned", "playable"):
            return
        plan = plan_of(video)
        assert plan is not None, "a planned video has a plan"
        # Only what is new is progress: reap_stalled sends events again, and must not take their echo for work done.
        tx.execute(
            "update video set updated_at = now(), attempts = 0 where id = %s"
            " and updated_at < (select encoded_at from media_segment where id = %s)",
            (event.video_id, event.segment_id),
        )
        if video["state"] == "planned" and can_play(tx, event.video_id, plan):
            tx.execute(
                "update video set state = 'playable', playable_at = now(), updated_at = now(), attempts = 0"
                " where id = %s",
                (event.video_id,),
            )
            publish(tx, VideoPlayable(event.video_id))
        missing = tx.one(
            "select 1 as one from media_segment where video_id = %s and object_key is null limit 1", (event.video_id,)
        )
        if missing is None and video["audio_done"]:
            tx.execute(
                "update video set state = 'ready', ready_at = now(), updated_at = now(), attempts = 0 where id = %s",
                (event.video_id,),
            )
            publish(tx, VideoReady(event.video_id))
