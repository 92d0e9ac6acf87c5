"""Encodes one segment: decoded once, into every rendition that the event names and that is not there yet."""

import os
from typing import NamedTuple

from events import SegmentPlanned
from shared.db import Transactions
from shared.media.encode.segment import encode_segment
from shared.media.model import Plan
from shared.runtime.workspace import workspace
from shared.storage import ffmpeg_input
from shared.videos.deleted_meanwhile import may_record
from shared.videos.failures import fails_video
from shared.videos.row import planned_video
from shared.videos.segment_files import objects_of, store_segment
from shared.videos.segments import missing_renditions, record_encoded
from shared.videos.transitions import UNFINISHED


def transcode(event: SegmentPlanned, transaction: Transactions) -> None:
    """Does what is still missing of what the event asks for."""
    with fails_video(transaction, event.video_id), workspace("transcode_segment") as folder:
        with transaction() as tx:
            video = planned_video(tx, event.video_id)
            missing = set(missing_renditions(tx, event.video_id, event.index))
        renditions = [name for name in event.renditions if name in missing]
        if video is None or video.state not in UNFINISHED or not renditions:
            return
        cpu = _cpu_share(event, video.plan)
        with ffmpeg_input(transaction, video.source_key) as file:
            segments = encode_segment(
                file.path, video.plan, event.index, renditions, folder, threads=cpu.threads, niceness=cpu.niceness
            )
        with transaction() as tx:
            if not may_record(tx, event.video_id, ()):
                return
        stored = [store_segment(event.video_id, segment) for segment in segments]
        with transaction() as tx:
            if may_record(tx, event.video_id, objects_of(*stored)):
                for files in stored:
                    record_encoded(tx, event.video_id, files)


class CpuShare(NamedTuple):
    threads: int  # that decode
    niceness: int  # of the scheduler


def _cpu_share(event: SegmentPlanned, plan: Plan) -> CpuShare:
    """What a viewer waits for goes first and may use all cores: the lowest rendition of the first segment makes the
    video playable. All else is many segments at once, each cheapest with one thread."""
    urgent = event.index == 0 and event.renditions == [plan.renditions[-1].name]
    return CpuShare(min(4, len(os.sched_getaffinity(0))), 0) if urgent else CpuShare(1, 19)
