"""Deletes a source once its video is ready and all that was made from it is durable.

A source has one replica until then: should it be lost before, the video fails visibly. With SOURCE_POLICY=keep it gets
all its replicas instead, and so does a source that has something its video lacks.

The last segment can be placed before the video is ready, or after, and its pictures and subtitles made after both:
whichever comes last is enough (of those, make_thumbnails and extract_subtitles tell). What two at the same moment have
left to each other, expire_uploads asks for again.
"""

from events import SegmentPlaced, VideoReady
from shared.runtime.function import Context, event_function, seconds
from shared.storage import delete_object, replicate
from shared.uploads.sources import pictures, source_may_go, source_of_done


@event_function(SegmentPlaced, VideoReady, lease=seconds(15))
def release_source(event: SegmentPlaced | VideoReady, context: Context) -> None:
    with context.transaction() as tx:
        source = source_of_done(tx, event.video_id)
        if source is None:
            return
        made = pictures(tx, event.video_id)
        may_go = source_may_go(tx, event.video_id)
    for key in made if may_go else [*made, source]:
        replicate(context.transaction, key)
    if may_go:
        with context.transaction() as tx:
            delete_object(tx, source)
        context.log.info("video %s is durable: its source is deleted", event.video_id)
