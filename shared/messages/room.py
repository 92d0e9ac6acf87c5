"""The room of a video."""

from shared.db import Transaction

LOCKS = 7236  # the first half of the advisory locks of rooms; the second is the video


def lock_room(tx: Transaction, video_id: str) -> None:
    """Nobody else writes to the room until `tx` ends."""
    tx.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (LOCKS, video_id))
