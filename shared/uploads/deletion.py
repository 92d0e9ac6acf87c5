"""What becomes of the uploads of a video that is deleted."""

from shared.db import Transaction


def lock_uploads(tx: Transaction, video_id: str) -> None:
    """Until `tx` ends, none of the video's uploads is completed or aborted."""
    tx.execute("select 1 from upload where video_id = %s order by id for update", (video_id,))


def abort_uploads(tx: Transaction, video_id: str) -> None:
    """Ends uploads in progress. Their parts are queued for deletion before this, by queue_uploads."""
    tx.execute(
        "update upload set state = 'aborted', closed_at = now() where video_id = %s and state = 'open'", (video_id,)
    )


def forget_names(tx: Transaction, video_id: str) -> None:
    """Erases the names of the files."""
    tx.execute("update upload set name = '' where video_id = %s", (video_id,))
