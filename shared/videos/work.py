"""What a video still needs, and what becomes of it."""

from typing import Any

from msgspec.structs import replace

from events import AudioPlanned, Event, SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoFailed, VideoUploaded
from shared.db import Transaction
from shared.identity.roles import Role
from shared.media.model import Plan
from shared.outbox import publish
from shared.videos.view import AUDIO, plan_of

UNFINISHED = ("uploaded", "planned", "playable")


def planned_work(tx: Transaction, video_id: str, owner_id: str, plan: Plan) -> list[Event]:
    """All that a plan asks for, the most urgent first: segment 0 in the lowest rendition and the audio make a video
    playable, several times sooner than all renditions of segment 0 would."""
    owner = tx.one("select role from account where id = %s", (owner_id,))
    prioritized = owner is not None and owner["role"] == Role.ENTERPRISE

    def segment(index: int, renditions: list[str]) -> Event:
        if prioritized:
            return SegmentPrioritized(video_id, index, renditions)
        return SegmentPlanned(video_id, index, renditions)

    names = [rendition.name for rendition in plan.renditions]
    work: list[Event] = [segment(0, names[-1:])]
    if plan.source.audio:
        work.append(AudioPlanned(video_id))
    if names[:-1]:
        work.append(segment(0, names[:-1]))
    work += [segment(index, names) for index in range(1, plan.segments)]
    return work


def remaining_work(tx: Transaction, row: dict[str, Any]) -> list[Event]:
    """The same without what is done, for the video of `row`. Where all is done, publish_video is told of one segment
    again, since it cannot have counted them all."""
    plan = plan_of(row)
    if plan is None:
        return [VideoUploaded(row["id"], row["source_key"], row["source_name"], row["source_size"])]
    done = {
        (done["rendition"], done["index"])
        for done in tx.all(
            "select rendition, index from media_segment where video_id = %s and object_key is not null", (row["id"],)
        )
    }
    work: list[Event] = []
    for event in planned_work(tx, row["id"], row["owner_id"], plan):
        if isinstance(event, SegmentPlanned):
            missing = [name for name in event.renditions if (name, event.index) not in done]
            if missing:
                work.append(replace(event, renditions=missing))
        elif not row["audio_done"]:
            work.append(event)
    return work or encoded_segments(tx, "video_id = %s", (row["id"],), 1)


def encoded_segments(tx: Transaction, condition: str, params: tuple[Any, ...], limit: int) -> list[Event]:
    """SegmentEncoded for segments that are encoded and meet a condition in SQL."""
    rows = tx.all(
        "select id, video_id, rendition, index, object_key, init_key from media_segment s"  # noqa: S608, ours
        f" where object_key is not null and {condition} order by encoded_at limit %s",
        (*params, limit),
    )
    return [
        SegmentEncoded(r["video_id"], r["id"], r["rendition"], r["index"], r["object_key"], r["init_key"]) for r in rows
    ]


def fail(tx: Transaction, video_id: str, reason: str) -> bool:
    """Marks an unfinished video as failed, for the reason given, and tells; False when it was not unfinished."""
    failed = tx.execute(
        "update video set state = 'failed', reason = %s, failed_at = now(), updated_at = now()"
        " where id = %s and state in %s",
        (reason, video_id, UNFINISHED),
    )
    if failed:
        publish(tx, VideoFailed(video_id, reason))
    return bool(failed)


def can_play(tx: Transaction, video_id: str, plan: Plan) -> bool:
    """Whether the first segment can be watched: its lowest rendition and, if there is any, its audio are there."""
    first = [plan.renditions[-1].name] + ([AUDIO] if plan.source.audio else [])
    row = tx.one(
        "select count(*) as there from media_segment"
        " where video_id = %s and index = 0 and object_key is not null and rendition = any(%s)",
        (video_id, first),
    )
    return row is not None and row["there"] == len(first)
