"""Deletes a video: first it is marked, so that nobody sees it any more; then everything of it is removed.

Its row stays, empty: every handler of an event that comes late finds it there and does nothing.
"""

from shared.db import Transaction, Transactions
from shared.messages.room import delete_messages, lock_room
from shared.search import open_index
from shared.storage.deletion_queue import delete_queued, queue_objects, queue_uploads
from shared.storage.placement.version import delete_version
from shared.uploads.transitions import abort_all, erase_names
from shared.videos import transitions
from shared.videos.row import lock_deleted
from shared.videos.segments import delete_segments
from shared.videos.subtitles import delete_subtitles
from shared.videos.watched import forget_watched


def mark_deleted(tx: Transaction, video_id: str) -> None:
    """From the commit on the video is in no answer any more, and no work for it is begun or recorded."""
    if transitions.delete(tx, video_id) is not None:
        _end_uploads(tx, video_id)


def remove_contents(transaction: Transactions, video_id: str) -> int:
    """Removes all that is left of a deleted video. Returns how many objects wait for nodes that are away.

    Raises Unavailable when the search index does not answer: by then all else is done.
    """
    with transaction() as tx:
        lock_room(tx, video_id)  # before the video, as who writes a message does
        if not lock_deleted(tx, video_id):
            return 0
        _end_uploads(tx, video_id)
        queue_objects(tx, video_id)
        delete_messages(tx, video_id)
        delete_segments(tx, video_id)
        delete_subtitles(tx, video_id)
        forget_watched(tx, video_id)
        erase_names(tx, video_id)
    left = delete_queued(transaction, video_id)
    with transaction() as tx:
        if transitions.mark_emptied(tx, video_id):
            delete_version(tx, video_id)  # after the commit that deletes the replicas, since that commit writes it
            open_index(tx).remove_video(video_id)
    return left


def _end_uploads(tx: Transaction, video_id: str) -> None:
    queue_uploads(tx, video_id)
    abort_all(tx, video_id)
