"""The video that an upload brings."""

from shared.db import Transaction
from shared.errors import Problem
from shared.storage import Replica, record
from shared.uploads.details import Details
from shared.videos import transitions
from shared.videos.row import VideoRow


def insert_video(tx: Transaction, video_id: str, owner_id: str, details: Details, size: int) -> None:
    """A video whose source is being uploaded. `size` is in bytes."""
    transitions.create(
        tx,
        video_id,
        owner_id,
        title=details.title,
        description=details.description,
        tags=details.tags,
        visibility=details.visibility,
        source_name=details.name,
        source_size=size,
    )


def source_arrived(tx: Transaction, video_id: str, source: Replica) -> VideoRow:
    """Records the source and marks the video as uploaded; returns its row. Raises Problem gone."""
    video = transitions.source_arrived(tx, video_id, source.object.key, source.object.size)
    if video is None:
        raise Problem("gone", "The video of this upload was deleted.")
    record(tx, source)
    return video
