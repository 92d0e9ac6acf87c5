"""Changes of a video's row that leave its state as it is."""

from msgspec.structs import replace

from events import SourceKept
from shared.db import Transaction
from shared.media.model import Storyboard
from shared.outbox import publish
from shared.videos.damage import Damage
from shared.videos.row import VideoRow
from shared.videos.state import State, Visibility


def change_details(
    tx: Transaction, video: VideoRow, title: str, description: str, tags: list[str], visibility: str
) -> VideoRow:
    """`video` is locked by `tx`; the row as it is now."""
    tx.execute(
        "update video set title = %s, description = %s, tags = %s, visibility = %s where id = %s",
        (title, description, tags, visibility, video.id),
    )
    return replace(video, title=title, description=description, tags=tags, visibility=Visibility(visibility))


def note_progress(tx: Transaction, video_id: str, segment_id: str) -> None:
    """The video makes progress, if the segment was encoded since the last time.

    Only what is new is progress: reap_stalled sends events again, and their second delivery is no work that was done.
    """
    tx.execute(
        "update video set updated_at = now(), attempts = 0 where id = %s"
        " and updated_at < (select encoded_at from media_segment where id = %s)",
        (video_id, segment_id),
    )


def count_attempt(tx: Transaction, video_id: str) -> None:
    """The video is started again for want of progress."""
    tx.execute("update video set attempts = attempts + 1, updated_at = now() where id = %s", (video_id,))


def set_thumbnails(tx: Transaction, video_id: str, poster_key: str, storyboard: Storyboard) -> None:
    """`storyboard.sheets` are keys of objects."""
    tx.execute(
        "update video set poster_key = %s, storyboard = %s, thumbnails_done = true where id = %s",
        (poster_key, tx.json(storyboard), video_id),
    )


def no_thumbnails(tx: Transaction, video_id: str) -> None:
    """None can be made, and the source is not needed for them any more."""
    tx.execute("update video set thumbnails_done = true where id = %s", (video_id,))


def note_damage(tx: Transaction, video_id: str, damage: Damage | None) -> None:
    """What of the source could not be decoded, when all is encoded."""
    tx.execute("update video set damage = %s where id = %s", (damage and tx.json(damage), video_id))


def keep_source(tx: Transaction, video_id: str, reasons: list[str]) -> None:
    """The source stays, although the policy is to delete it; an event tells of it, once."""
    if tx.execute(
        "update video set source_kept = %s where id = %s and source_kept is null and state = %s",
        (reasons, video_id, State.READY),
    ):
        publish(tx, SourceKept(video_id, reasons))


def mark_indexed(tx: Transaction, video_id: str) -> None:
    """The video is in the search index."""
    tx.execute("update video set indexed_at = coalesce(indexed_at, now()) where id = %s", (video_id,))
