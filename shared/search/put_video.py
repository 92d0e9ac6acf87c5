"""A video into the search index, as it is now."""

from shared.db import Transaction
from shared.search import Document, open_index


def put_video(tx: Transaction, video_id: str) -> None:
    """Adds or replaces it when it is ready; else does nothing. To be the last of its transaction."""
    # Locked, so that of two of these at once the later one has read the later state.
    video = tx.one("select * from video where id = %s and state = 'ready' for update", (video_id,))
    if video is None:
        return  # deleted meanwhile, or not yet to be found
    tx.execute("update video set indexed_at = coalesce(indexed_at, now()) where id = %s", (video_id,))
    open_index(tx).put(
        Document(
            kind="video",
            id=video["id"],
            video_id=video["id"],
            owner_id=video["owner_id"],
            visibility=video["visibility"],
            title=video["title"],
            body=video["description"],
            tags=video["tags"],
        )
    )
