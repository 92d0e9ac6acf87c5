"""Copies an encoded media segment, and its init segment, to all the nodes that should have them."""

from events import SegmentEncoded, SegmentPlaced
from shared.outbox import publish
from shared.runtime.function import Context, event_function, seconds
from shared.storage import replicate


@event_function(SegmentEncoded, lease=seconds(15))
def place_segment(event: SegmentEncoded, context: Context) -> None:
    with context.transaction() as tx:
        unplaced = tx.exists(
            "select 1 from media_segment where id = %s and object_key = %s and placed_at is null",
            (event.segment_id, event.object_key),
        )
    if not unplaced:  # placed before, or its video was deleted
        return
    for key in (event.object_key, event.init_key):
        if not replicate(context.transaction, key):
            return
    with context.transaction() as tx:
        placed = tx.execute(
            "update media_segment set placed_at = now() where id = %s and object_key = %s and placed_at is null",
            (event.segment_id, event.object_key),
        )
        if placed:
            publish(tx, SegmentPlaced(event.video_id, event.segment_id, event.object_key))
