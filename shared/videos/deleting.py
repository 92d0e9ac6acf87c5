"""A video goes: marked first, so that nobody sees it any more; then emptied, in any order with whatever comes late.

Its row stays, empty: every handler of an event that comes late finds it there and does nothing.
"""

from collections.abc import Iterable

from events import VideoDeleted
from shared.db import Transaction
from shared.messages.room import lock_room
from shared.outbox import publish
from shared.runtime.context import Context
from shared.search import open_index
from shared.storage import Replica
from shared.storage.deletion_queue import delete_queued, queue_objects, queue_uploads
from shared.storage.placement.version import delete_version
from shared.storage.records import discard
from shared.videos.tables import OnDelete, tables


def mark_deleted(tx: Transaction, video_id: str) -> None:
    """From the commit on it is in no answer any more, and no work for it is begun or recorded. Its row is locked."""
    tx.execute(
        """
        update video set state = 'deleted', deleted_at = now(), updated_at = now(), visibility = 'private',
            title = '', description = '', tags = '{}', reason = null, source_name = null,
            plan = null, storyboard = null, poster_key = null
        where id = %s
        """,
        (video_id,),
    )
    _end_uploads(tx, video_id)
    publish(tx, VideoDeleted(video_id))


def still_wanted(tx: Transaction, video_id: str, stored: Iterable[Replica]) -> bool:
    """Whether the video is not deleted, nor can be before `tx` ends; else what was stored for it is to go.

    To be asked before anything else is locked, by whoever is about to record what was stored.
    """
    if tx.one("select 1 as there from video where id = %s and state <> 'deleted' for no key update", (video_id,)):
        return True
    discard(tx, stored)
    return False


def empty(context: Context, video_id: str) -> int:
    """Removes all that is left of a deleted video; how many notes wait for nodes that are away.

    Raises Unavailable when the search index does not answer: by then all else is done.
    """
    with context.transaction() as tx:
        lock_room(tx, video_id)  # before the video, as who writes to it does
        if not _locked(tx, video_id):
            return 0
        _end_uploads(tx, video_id)
        queue_objects(tx, video_id)
        for table in tables(OnDelete.DELETED):
            tx.execute(f"delete from {table} where video_id = %s", (video_id,))  # noqa: S608, ours
        tx.execute("update upload set name = '' where video_id = %s", (video_id,))
    left = delete_queued(context.transaction, video_id)
    with context.transaction() as tx:
        if _locked(tx, video_id):
            tx.execute("update video set emptied_at = coalesce(emptied_at, now()) where id = %s", (video_id,))
            delete_version(tx, video_id)  # after the commit that deleted the replicas, which is what writes it
            open_index(tx).remove_video(video_id)
    return left


def _end_uploads(tx: Transaction, video_id: str) -> None:
    queue_uploads(tx, video_id)
    tx.execute(
        "update upload set state = 'aborted', closed_at = now() where video_id = %s and state = 'open'", (video_id,)
    )


def _locked(tx: Transaction, video_id: str) -> bool:
    return (
        tx.one("select 1 as there from video where id = %s and state = 'deleted' for update", (video_id,)) is not None
    )
