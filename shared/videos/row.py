"""The row of a video, with types, and how it is read."""

from datetime import datetime

from msgspec import Struct

from shared.db import Transaction
from shared.identity import Principal
from shared.media.model import Plan, Storyboard
from shared.videos.damage import Damage
from shared.videos.state import State, Visibility
from shared.videos.visibility import MAY_CHANGE, not_found, refuse_unless_visible


class VideoRow(Struct, frozen=True):
    """A row of the table `video`."""

    id: str
    owner_id: str
    title: str
    description: str
    tags: list[str]
    visibility: Visibility
    state: State
    reason: str | None  # why it failed, for a person
    source_key: str | None
    source_name: str | None
    source_size: int | None  # bytes
    plan: Plan | None
    poster_key: str | None
    storyboard: Storyboard | None
    damage: Damage | None  # None: nothing was missing, or it is not ready yet
    source_kept: list[str] | None  # sentences: why its source was not deleted as the policy says
    attempts: int  # times it was started again since it last made progress
    thumbnails_done: bool
    subtitles_done: bool
    created_at: datetime
    uploaded_at: datetime | None
    playable_at: datetime | None
    ready_at: datetime | None
    indexed_at: datetime | None


class PlannedVideo(Struct, frozen=True):
    """A video whose source was examined: what encoding and publishing it needs of its row."""

    state: State
    plan: Plan
    source_key: str
    thumbnails_done: bool
    subtitles_done: bool


def find_video(tx: Transaction, video_id: str) -> VideoRow | None:
    """The row of a video that is not deleted."""
    return tx.one(VideoRow, "select * from video where id = %s and state <> %s", (video_id, State.DELETED))


def planned_video(tx: Transaction, video_id: str, *, lock: bool = False) -> PlannedVideo | None:
    """None when the video has no plan yet, or was deleted."""
    planned = "select * from video where id = %s and plan is not null"
    return tx.one(PlannedVideo, f"{planned} for update" if lock else planned, (video_id,))


def visible_video(tx: Transaction, video_id: str, viewer: Principal | None) -> VideoRow:
    """The row of a video that the viewer may watch. Raises Problem not-found."""
    row = tx.one(VideoRow, "select * from video where id = %s", (video_id,))
    return refuse_unless_visible(row, video_id, viewer)


def own_video(tx: Transaction, video_id: str, caller: Principal) -> VideoRow:
    """The row of a video that the caller may change, locked. Raises Problem not-found."""
    video = tx.one(VideoRow, "select * from video where id = %s for update", (video_id,))
    if video is None or not MAY_CHANGE.allows(video, caller):
        raise not_found(video_id)
    return video


def state_of(tx: Transaction, video_id: str) -> State | None:
    """None when there is no such row."""
    return tx.value(State, "select state from video where id = %s", (video_id,))


def deleted_videos(tx: Transaction, after: str, limit: int) -> list[str]:
    """A page of the ids of deleted videos, in order, from behind the id `after`."""
    return tx.values(
        str, "select id from video where state = %s and id > %s order by id limit %s", (State.DELETED, after, limit)
    )


def lock_deleted(tx: Transaction, video_id: str) -> bool:
    """Locks the row of a deleted video; False when the video is not deleted."""
    return tx.exists("select from video where id = %s and state = %s for update", (video_id, State.DELETED))
