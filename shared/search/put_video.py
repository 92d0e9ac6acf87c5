"""A video into the search index, as it is now."""

from shared.db import Transaction
from shared.search import Document, open_index
from shared.videos.row import VideoRow
from shared.videos.state import State
from shared.videos.updates import mark_indexed


def put_video(tx: Transaction, video_id: str) -> None:
    """Adds or replaces it when it is ready; else does nothing. To be the last of its transaction."""
    # Locked, so that of two of these at once the later one has read the later state.
    video = tx.one(VideoRow, "select * from video where id = %s and state = %s for update", (video_id, State.READY))
    if video is None:
        return  # deleted meanwhile, or not yet to be found
    mark_indexed(tx, video_id)
    open_index(tx).put(
        Document(
            kind="video",
            id=video.id,
            video_id=video.id,
            owner_id=video.owner_id,
            visibility=video.visibility.value,
            title=video.title,
            body=video.description,
            tags=video.tags,
        )
    )
