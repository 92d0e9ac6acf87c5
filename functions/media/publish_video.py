"""The fan-in: counts what is encoded, and tells when a video becomes playable and when it is ready."""

from events import SegmentEncoded
from shared.runtime.function import Context, event_function
from shared.videos.damage import damage
from shared.videos.row import planned_video
from shared.videos.segments import all_encoded, can_play, encoded_segments, nothing_decoded
from shared.videos.state import State
from shared.videos.transitions import ENCODING, fail, make_playable, make_ready
from shared.videos.updates import note_damage, note_progress

NOT_ONE_PICTURE = (
    "Not one picture of the video ({codec}) could be decoded: upload it again from an undamaged file, or in another"
    " codec, such as H.264."
)


@event_function(SegmentEncoded)
def publish_video(event: SegmentEncoded, context: Context) -> None:
    with context.transaction() as tx:
        # the lock makes the last two of a video's events count one after the other: one of them sees all
        video = planned_video(tx, event.video_id, lock=True)
        if video is None or video.state not in ENCODING:
            return
        note_progress(tx, event.video_id, event.segment_id)
        if nothing_decoded(tx, event.video_id, video.plan):
            fail(tx, event.video_id, NOT_ONE_PICTURE.format(codec=video.plan.source.video_codec))
            return
        if video.state is State.PLANNED and can_play(tx, event.video_id, video.plan):
            make_playable(tx, event.video_id)
        if all_encoded(tx, event.video_id):
            note_damage(tx, event.video_id, damage(video.plan, encoded_segments(tx, event.video_id)))
            make_ready(tx, event.video_id)
