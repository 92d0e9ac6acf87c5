"""Errors that no retry can help: the video fails at once, and says why."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.db import Transactions
from shared.media.errors import MediaError
from shared.objects import ObjectMissing
from shared.videos.deleted_meanwhile import no_error_once_deleted
from shared.videos.transitions import fail


@contextmanager
def fails_video(transaction: Transactions, video_id: str) -> Iterator[None]:
    """When the block finds that the source cannot become a video, or is lost for good, the video is marked as failed
    and the block ends without an error. Any other error passes, so that the event is delivered again."""
    try:
        with no_error_once_deleted(transaction, video_id):
            yield
    except MediaError as error:
        reason = error.reason
    except ObjectMissing:
        reason = "The uploaded file is no longer in the storage: upload it again."
    else:
        return
    with transaction() as tx:
        fail(tx, video_id, reason)
