"""Deletes what was said about a video."""

from shared.db import Transaction


def delete_messages(tx: Transaction, video_id: str) -> None:
    """To be called with the room locked (lock_room), so that no message comes after it."""
    tx.execute("delete from message where video_id = %s", (video_id,))
