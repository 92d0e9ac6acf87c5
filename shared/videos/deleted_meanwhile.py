"""Work on a video that is deleted before it ends: its results are not recorded, and its errors do not matter."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from shared.db import Transaction, Transactions
from shared.storage import Replica
from shared.storage.records import discard
from shared.videos.state import State

log = logging.getLogger("wadi.videos")


def may_record(tx: Transaction, video_id: str, stored: Iterable[Replica]) -> bool:
    """Whether results may be recorded: the video is not deleted, and cannot be until `tx` ends. If it is, what was
    stored for it is queued for deletion.

    To be called before `tx` locks anything else: the order in which a deletion locks.
    """
    if tx.exists("select from video where id = %s and state <> %s for no key update", (video_id, State.DELETED)):
        return True
    discard(tx, stored)
    return False


@contextmanager
def no_error_once_deleted(transaction: Transactions, video_id: str) -> Iterator[None]:
    """Suppresses any error of the block when the video was deleted meanwhile: a retry would not help."""
    try:
        yield
    except Exception as error:
        with transaction() as tx:
            present = tx.exists("select from video where id = %s and state <> %s", (video_id, State.DELETED))
        if present:
            raise
        log.info("video %s was deleted while it was worked on: %s", video_id, error)
