"""Encodes one segment of an ENTERPRISE account's video: as transcode_segment does, in pods of its own."""

from events import SegmentPrioritized
from shared.runtime.function import Context, event_function, seconds
from shared.videos.transcoding import transcode


@event_function(SegmentPrioritized, lease=seconds(15))
def transcode_priority(event: SegmentPrioritized, context: Context) -> None:
    transcode(event, context.transaction)
