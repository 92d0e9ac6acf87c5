"""A segment's encode: decoded once, into every rendition that the event names and that is not there yet."""

import os
from typing import Any, NamedTuple

from events import SegmentEncoded, SegmentPlanned
from shared.db import Transaction
from shared.media.encode.segment import encode_segment
from shared.media.model import MediaSegment, Plan
from shared.outbox import publish
from shared.runtime.context import Context
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.videos.deleting import still_wanted
from shared.videos.failing import fails_video
from shared.videos.store import StoredSegment, objects_of, record_segment, store_segment_files
from shared.videos.view import plan_of
from shared.videos.work import UNFINISHED


def transcode(event: SegmentPlanned, context: Context) -> None:
    """What the event asks for, for as long as it is still missing."""
    with fails_video(context, event.video_id), workspace("transcode_segment") as folder:
        with context.transaction() as tx:
            video = tx.one("select state, plan, source_key from video where id = %s", (event.video_id,))
            missing = _missing(tx, event)
            if video is None or video["state"] not in UNFINISHED or not missing:
                return
        plan = plan_of(video)
        assert plan is not None, "a planned segment has a plan: both commit together"
        haste = _haste(event, plan)
        with ffmpeg_input(context.transaction, video["source_key"]) as file:
            segments = encode_segment(
                file.path, plan, event.index, missing, folder, threads=haste.threads, niceness=haste.niceness
            )
        with context.transaction() as tx:
            if not still_wanted(tx, event.video_id, ()):
                return
        stored = [store_segment_files(event.video_id, segment) for segment in segments]
        with context.transaction() as tx:
            if still_wanted(tx, event.video_id, objects_of(*stored)):
                for each in stored:
                    _publish(tx, event.video_id, each)


class Haste(NamedTuple):
    threads: int  # that decode
    niceness: int  # of the scheduler


def _haste(event: SegmentPlanned, plan: Plan) -> Haste:
    """What somebody waits for goes first and may use all cores: the lowest rendition of the first segment makes the
    video playable. All else is many pieces at once, each cheapest with one thread."""
    urgent = event.index == 0 and event.renditions == [plan.renditions[-1].name]
    return Haste(min(4, len(os.sched_getaffinity(0))), 0) if urgent else Haste(1, 19)


def _missing(tx: Transaction, event: SegmentPlanned) -> list[str]:
    rows: list[dict[str, Any]] = tx.all(
        "select rendition from media_segment where video_id = %s and index = %s and object_key is null",
        (event.video_id, event.index),
    )
    open_renditions = {row["rendition"] for row in rows}
    return [name for name in event.renditions if name in open_renditions]


def _publish(tx: Transaction, video_id: str, stored: StoredSegment) -> None:
    segment: MediaSegment = stored.segment
    row = tx.one(
        "select id from media_segment"
        " where video_id = %s and rendition = %s and index = %s and object_key is null for update",
        (video_id, segment.rendition, segment.index),
    )
    if row is None:  # a retry of the video planned it again, and the other event won
        return
    record_segment(tx, stored, row["id"])
    publish(
        tx,
        SegmentEncoded(
            video_id, row["id"], segment.rendition, segment.index, stored.media.object.key, stored.init.object.key
        ),
    )
