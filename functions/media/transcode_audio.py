"""Encodes the audio track, whole, in one go, so that there is nothing to hear at the joins of its segments."""

from events import AudioPlanned, SegmentEncoded
from shared.db import Transaction
from shared.ids import new_id
from shared.media.audio.encode import encode_audio
from shared.outbox import publish
from shared.runtime.function import Context, event_function, seconds
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.videos.deleting import still_wanted
from shared.videos.failing import fails_video
from shared.videos.store import StoredSegment, objects_of, record_segment, store_segment_files
from shared.videos.view import plan_of
from shared.videos.work import UNFINISHED


@event_function(AudioPlanned, lease=seconds(15))
def transcode_audio(event: AudioPlanned, context: Context) -> None:
    with fails_video(context, event.video_id), workspace("transcode_audio") as folder:
        with context.transaction() as tx:
            video = tx.one("select state, plan, source_key, audio_done from video where id = %s", (event.video_id,))
            if video is None or video["state"] not in UNFINISHED or video["audio_done"]:
                return
        plan = plan_of(video)
        assert plan is not None, "planned audio has a plan: both commit together"
        waiting: list[StoredSegment] = []  # the newest one
        with ffmpeg_input(context.transaction, video["source_key"]) as file:
            for segment in encode_audio(file.path, plan, folder):
                # one behind: the last segment commits together with audio_done, so that whoever sees the last segment's
                # event also sees that no more will come
                file.check()
                with context.transaction() as tx:
                    if not still_wanted(tx, event.video_id, objects_of(*waiting)):
                        return
                    for each in waiting:
                        _publish(tx, event.video_id, each)
                waiting = [store_segment_files(event.video_id, segment)]
        with context.transaction() as tx:
            if not still_wanted(tx, event.video_id, objects_of(*waiting)):
                return
            tx.execute("update video set audio_done = true where id = %s", (event.video_id,))
            for each in waiting:
                _publish(tx, event.video_id, each, last=True)


def _publish(tx: Transaction, video_id: str, stored: StoredSegment, *, last: bool = False) -> None:
    segment = stored.segment
    row = tx.one(
        "insert into media_segment (id, video_id, rendition, index) values (%s, %s, %s, %s)"
        " on conflict (video_id, rendition, index) do nothing returning id",
        (new_id(), video_id, segment.rendition, segment.index),
    )
    if row is not None:
        record_segment(tx, stored, row["id"])
    elif not last:  # an earlier try, killed in the middle, has told of this one
        return
    else:
        row = tx.one(
            "select id from media_segment where video_id = %s and rendition = %s and index = %s",
            (video_id, segment.rendition, segment.index),
        )
        assert row is not None
    publish(
        tx,
        SegmentEncoded(
            video_id, row["id"], segment.rendition, segment.index, stored.media.object.key, stored.init.object.key
        ),
    )
