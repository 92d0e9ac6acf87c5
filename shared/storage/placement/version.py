"""The version of a video's placement, which triggers change with every replica that comes or goes."""

from shared.db import Transaction


def delete_version(tx: Transaction, video_id: str) -> None:
    """Of a deleted video that has no replicas any more."""
    tx.execute("delete from placement_version where video_id = %s", (video_id,))
