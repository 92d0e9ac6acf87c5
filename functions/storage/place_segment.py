"""Copies an encoded media segment, and its init segment, to all the nodes that should have them."""

from events import SegmentEncoded
from shared.runtime.function import Context, event_function, seconds
from shared.storage import replicate
from shared.videos.segments import is_unplaced, mark_placed


@event_function(SegmentEncoded, lease=seconds(15))
def place_segment(event: SegmentEncoded, context: Context) -> None:
    with context.transaction() as tx:
        if not is_unplaced(tx, event.segment_id, event.object_key):  # placed before, or its video was deleted
            return
    for key in (event.object_key, event.init_key):
        if not replicate(context.transaction, key):
            return
    with context.transaction() as tx:
        mark_placed(tx, event.video_id, event.segment_id, event.object_key)
