"""Encodes one segment of a video."""

from events import SegmentPlanned
from shared.runtime.function import Context, event_function, seconds
from shared.videos.transcoding import transcode


@event_function(SegmentPlanned, lease=seconds(15))
def transcode_segment(event: SegmentPlanned, context: Context) -> None:
    transcode(event, context.transaction)
