"""Every change of a video's state, with the events that tell of it: they commit together.

A transition that may not start from the video's present state changes nothing and returns None (or False). So a
handler whose event comes late, twice, or beside another one needs no check of its own.
"""

from typing import Any

from events import VideoDeleted, VideoFailed, VideoPlanned, VideoPlayable, VideoReady
from shared.db import Transaction
from shared.media.model import Plan
from shared.outbox import publish
from shared.videos import segments
from shared.videos.pending_work import planned_events, remaining_events, uploaded_event
from shared.videos.row import VideoRow
from shared.videos.state import PRESENT, State

# The states that each transition may start from, by the name of its function.
STARTS: dict[str, tuple[State, ...]] = {
    "source_arrived": (State.UPLOADING,),
    "abandon": (State.UPLOADING,),
    "plan": (State.UPLOADED,),
    "make_playable": (State.PLANNED,),
    "make_ready": (State.PLANNED, State.PLAYABLE),
    "fail": (State.UPLOADED, State.PLANNED, State.PLAYABLE),
    "retry": (State.FAILED,),
    "delete": PRESENT,
    "mark_emptied": (State.DELETED,),
}

UNFINISHED = STARTS["fail"]  # the source is there, and work on it is under way
ENCODING = STARTS["make_ready"]  # segments are expected


def create(
    tx: Transaction,
    video_id: str,
    owner_id: str,
    *,
    title: str,
    description: str,
    tags: list[str],
    visibility: str,
    source_name: str,
    source_size: int,
) -> None:
    """A video whose source is still being uploaded."""
    tx.execute(
        "insert into video (id, owner_id, title, description, tags, visibility, state, source_name, source_size)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (video_id, owner_id, title, description, tags, visibility, State.UPLOADING, source_name, source_size),
    )


def abandon(tx: Transaction, video_id: str) -> bool:
    """Deletes the row of a video whose source never arrived."""
    removed = tx.execute("delete from video where id = %s and state in %s", (video_id, STARTS["abandon"]))
    return bool(removed)


def source_arrived(tx: Transaction, video_id: str, key: str, size: int) -> VideoRow | None:
    """`key` names the stored source, `size` is in bytes."""
    video = _change(
        tx,
        "source_arrived",
        video_id,
        State.UPLOADED,
        "source_key = %(key)s, source_size = %(size)s, uploaded_at = now()",
        key=key,
        size=size,
    )
    if video is not None:
        publish(tx, uploaded_event(video))
    return video


def plan(tx: Transaction, video_id: str, plan: Plan) -> VideoRow | None:
    """Stores the plan and its segments, and asks for all the work in it."""
    video = _change(
        tx,
        "plan",
        video_id,
        State.PLANNED,
        "plan = %(plan)s, subtitles_done = %(none)s, planned_at = now()",
        plan=tx.json(plan),
        none=not plan.source.subtitles,
    )
    if video is not None:
        segments.insert_planned(tx, video_id, plan)
        publish(tx, *planned_events(tx, video_id, video.owner_id, plan), VideoPlanned(video_id))
    return video


def make_playable(tx: Transaction, video_id: str) -> VideoRow | None:
    video = _change(tx, "make_playable", video_id, State.PLAYABLE, "playable_at = now(), attempts = 0")
    if video is not None:
        publish(tx, VideoPlayable(video_id))
    return video


def make_ready(tx: Transaction, video_id: str) -> VideoRow | None:
    video = _change(tx, "make_ready", video_id, State.READY, "ready_at = now(), attempts = 0")
    if video is not None:
        publish(tx, VideoReady(video_id))
    return video


def fail(tx: Transaction, video_id: str, reason: str) -> VideoRow | None:
    """`reason` is a sentence for the video's owner."""
    video = _change(tx, "fail", video_id, State.FAILED, "reason = %(reason)s, failed_at = now()", reason=reason)
    if video is not None:
        publish(tx, VideoFailed(video_id, reason))
    return video


def retry(tx: Transaction, failed: VideoRow) -> VideoRow | None:
    """Takes a failed video up again where it stopped, and asks for the work that is missing."""
    if failed.plan is None:
        state = State.UPLOADED
    else:
        state = State.PLAYABLE if segments.can_play(tx, failed.id, failed.plan) else State.PLANNED
    video = _change(tx, "retry", failed.id, state, "reason = null, failed_at = null, attempts = 0")
    if video is not None:
        publish(tx, *remaining_events(tx, video))
    return video


def delete(tx: Transaction, video_id: str) -> VideoRow | None:
    """From the commit on the video is in no answer, and no work for it is begun or recorded. Its row stays locked.

    What it is made of is removed by shared.deletion.
    """
    video = _change(
        tx,
        "delete",
        video_id,
        State.DELETED,
        "deleted_at = now(), visibility = 'private', title = '', description = '', tags = '{}', reason = null,"
        " source_name = null, plan = null, storyboard = null, poster_key = null, damage = null, source_kept = null",
    )
    if video is not None:
        publish(tx, VideoDeleted(video_id))
    return video


def mark_emptied(tx: Transaction, video_id: str) -> bool:
    """Notes that nothing is left of a deleted video, except what waits for nodes that are away."""
    return bool(
        tx.execute(
            "update video set emptied_at = coalesce(emptied_at, now()) where id = %s and state in %s",
            (video_id, STARTS["mark_emptied"]),
        )
    )


def _change(
    tx: Transaction, transition: str, video_id: str, state: State, columns: str, **values: Any
) -> VideoRow | None:
    return tx.one(
        VideoRow,
        f"update video set state = %(state)s, updated_at = now(), {columns}"  # noqa: S608, columns is written above
        " where id = %(id)s and state in %(starts)s returning *",
        {**values, "state": state, "id": video_id, "starts": STARTS[transition]},
    )
