"""Puts a video or a message into the search index, as it is now."""

from msgspec import Struct

from shared.db import Transaction
from shared.search import Document, open_index
from shared.search.base import Visibility
from shared.videos.row import VideoRow
from shared.videos.state import PRESENT, State
from shared.videos.updates import mark_indexed


class _Message(Struct):
    """A message with what its document has of its video."""

    id: str
    video_id: str
    body: str
    owner_id: str
    visibility: Visibility
    title: str


def index_ready_video(tx: Transaction, video_id: str) -> None:
    """Adds or replaces the video when it is ready; else does nothing. Must be the last write of its transaction."""
    # Locked, so that of two transactions at once the later one has read the later state.
    video = tx.one(VideoRow, "select * from video where id = %s and state = %s for update", (video_id, State.READY))
    if video is None:
        return  # deleted meanwhile, or not ready yet
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


def index_sent_message(tx: Transaction, message_id: str) -> None:
    """Adds the message unless its video was deleted. Must be the last write of its transaction."""
    # The video is locked against a change of its visibility between here and the commit.
    message = tx.one(
        _Message,
        """
        select m.id, m.video_id, m.body, v.owner_id, v.visibility, v.title
        from message m join video v on v.id = m.video_id where m.id = %s and v.state in %s for share of v
        """,
        (message_id, PRESENT),
    )
    if message is None:
        return  # deleted meanwhile
    open_index(tx).put(
        Document(
            kind="message",
            id=message.id,
            video_id=message.video_id,
            owner_id=message.owner_id,
            visibility=message.visibility,
            title=message.title,
            body=message.body,
        )
    )
