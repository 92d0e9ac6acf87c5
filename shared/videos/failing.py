"""Failures that no retry can help: the video says why, at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.media.errors import MediaError
from shared.objects import ObjectMissing
from shared.runtime.context import Context
from shared.videos.work import fail


@contextmanager
def ends_with_video(context: Context, video_id: str) -> Iterator[None]:
    """Ends the block without an error, whatever went wrong in it, when the video was deleted meanwhile."""
    try:
        yield
    except Exception as error:
        with context.transaction() as tx:
            row = tx.one("select 1 as there from video where id = %s and state <> 'deleted'", (video_id,))
        if row is not None:
            raise
        context.log.info("video %s was deleted while it was worked on: %s", video_id, error)


@contextmanager
def fails_video(context: Context, video_id: str) -> Iterator[None]:
    """Ends the block when the source cannot become a video, or is lost for good, and marks the video as failed."""
    try:
        with ends_with_video(context, video_id):
            yield
    except MediaError as error:
        reason = error.reason
    except ObjectMissing:
        reason = "The uploaded file is no longer in the storage: upload it again."
    else:
        return
    with context.transaction() as tx:
        fail(tx, video_id, reason)
