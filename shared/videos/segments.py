"""The table `media_segment`: one row for each segment of each rendition, planned, then encoded, then placed."""

from msgspec import Struct

from events import SegmentEncoded, SegmentPlaced
from shared.db import Transaction
from shared.ids import new_id
from shared.media.model import AUDIO_RENDITION, Plan
from shared.outbox import publish
from shared.storage import record
from shared.videos.segment_files import SegmentFiles


class Progress(Struct, frozen=True):
    """How many segments of a rendition there are, are encoded, and have all their replicas."""

    rendition: str
    total: int
    encoded: int
    placed: int


class PlayableSegment(Struct, frozen=True):
    """An encoded segment: what a manifest says of it. `start` and `duration` are in `timescale`, `size` in bytes."""

    rendition: str
    index: int
    object_key: str
    init_key: str
    start: int
    duration: int
    timescale: int
    size: int
    codecs: str


class EncodedSegment(Struct, frozen=True):
    """What was made of a segment. `start` and `duration` are in `timescale`; `frames` are pictures or AAC frames."""

    rendition: str
    index: int
    start: int
    duration: int
    timescale: int
    frames: int
    missing: float = 0.0  # seconds of it that could not be decoded
    filler: bool = False  # nothing in the source could be decoded here

    @property
    def missing_seconds(self) -> float:
        return self.duration / self.timescale if self.filler else self.missing


class SegmentKeys(Struct, frozen=True):
    """The objects of an encoded segment."""

    object_key: str
    init_key: str


class _Position(Struct):
    rendition: str
    index: int


def renditions_of(plan: Plan) -> list[str]:
    """The names of all renditions that a video will have, the audio last."""
    return [*(rendition.name for rendition in plan.renditions), *(track.rendition for track in plan.source.audio)]


def insert_planned(tx: Transaction, video_id: str, plan: Plan) -> None:
    """The segments of all renditions, picture and audio: each rendition has one for each segment of the plan."""
    tx.execute_many(
        "insert into media_segment (id, video_id, rendition, index) values %s"
        " on conflict (video_id, rendition, index) do nothing",
        [(new_id(), video_id, rendition, index) for index in range(plan.segments) for rendition in renditions_of(plan)],
    )


def record_encoded(tx: Transaction, video_id: str, files: SegmentFiles) -> None:
    """Records a planned segment that is encoded now. Does nothing when another event of it came first."""
    segment = files.segment
    planned = tx.value(
        str,
        "select id from media_segment"
        " where video_id = %s and rendition = %s and index = %s and object_key is null for update",
        (video_id, segment.rendition, segment.index),
    )
    if planned is not None:
        _record(tx, planned, files)
        publish(tx, _event(video_id, planned, files))


def is_unplaced(tx: Transaction, segment_id: str, object_key: str) -> bool:
    """Whether these bytes of the segment still lack replicas."""
    return tx.exists(
        "select from media_segment where id = %s and object_key = %s and placed_at is null", (segment_id, object_key)
    )


def mark_placed(tx: Transaction, video_id: str, segment_id: str, object_key: str) -> None:
    """All replicas of the segment and of its init segment are durable. Does nothing when this was known before."""
    if tx.execute(
        "update media_segment set placed_at = now() where id = %s and object_key = %s and placed_at is null",
        (segment_id, object_key),
    ):
        publish(tx, SegmentPlaced(video_id, segment_id, object_key))


def delete_segments(tx: Transaction, video_id: str) -> None:
    tx.execute("delete from media_segment where video_id = %s", (video_id,))


def is_whole(tx: Transaction, video_id: str, rendition: str) -> bool:
    """Whether none of the rendition's planned segments is missing."""
    return not tx.exists(
        "select from media_segment where video_id = %s and rendition = %s and object_key is null", (video_id, rendition)
    )


def missing_renditions(tx: Transaction, video_id: str, index: int) -> list[str]:
    """The renditions in which this segment is planned and not encoded yet."""
    return tx.values(
        str,
        "select rendition from media_segment where video_id = %s and index = %s and object_key is null",
        (video_id, index),
    )


def encoded_positions(tx: Transaction, video_id: str) -> set[tuple[str, int]]:
    """Rendition and index of each segment that is encoded."""
    rows = tx.all(
        _Position,
        "select rendition, index from media_segment where video_id = %s and object_key is not null",
        (video_id,),
    )
    return {(row.rendition, row.index) for row in rows}


def all_encoded(tx: Transaction, video_id: str) -> bool:
    """Whether no planned segment is missing."""
    return not tx.exists("select from media_segment where video_id = %s and object_key is null limit 1", (video_id,))


def can_play(tx: Transaction, video_id: str, plan: Plan) -> bool:
    """Whether the first segment can be watched: its lowest rendition and, if there is any, its default audio are
    encoded."""
    first = [plan.renditions[-1].name] + ([AUDIO_RENDITION] if plan.source.audio else [])
    encoded = tx.value(
        int,
        "select count(*) from media_segment"
        " where video_id = %s and index = 0 and object_key is not null and rendition = any(%s)",
        (video_id, first),
    )
    return encoded == len(first)


def progress(tx: Transaction, video_id: str) -> dict[str, Progress]:
    """By rendition; one without any segment yet is left out."""
    rows = tx.all(
        Progress,
        "select rendition, count(*) as total, count(object_key) as encoded, count(placed_at) as placed"
        " from media_segment where video_id = %s group by rendition",
        (video_id,),
    )
    return {row.rendition: row for row in rows}


def playable_segments(tx: Transaction, video_id: str, rendition: str | None) -> list[PlayableSegment]:
    """The encoded segments of one rendition, or of all, in order."""
    return tx.all(
        PlayableSegment,
        "select rendition, index, object_key, init_key, start, duration, timescale, size, codecs from media_segment"
        " where video_id = %(video)s and object_key is not null"
        " and (%(rendition)s::text is null or rendition = %(rendition)s) order by rendition, index",
        {"video": video_id, "rendition": rendition},
    )


def encoded_segments(tx: Transaction, video_id: str) -> list[EncodedSegment]:
    """Of all renditions, in order."""
    return tx.all(
        EncodedSegment,
        "select rendition, index, start, duration, timescale, frames, missing, filler from media_segment"
        " where video_id = %s and object_key is not null order by rendition, index",
        (video_id,),
    )


def nothing_decoded(tx: Transaction, video_id: str, plan: Plan) -> bool:
    """Whether it is certain that the video has no picture: each segment is made in some rendition, and all are filler.

    All renditions of a segment come from one decode.
    """
    pictures = [rendition.name for rendition in plan.renditions]
    if tx.exists(
        "select from media_segment"
        " where video_id = %s and rendition = any(%s) and object_key is not null and not filler limit 1",
        (video_id, pictures),
    ):
        return False
    filled = tx.value(
        int,
        "select count(distinct index) from media_segment where video_id = %s and rendition = any(%s) and filler",
        (video_id, pictures),
    )
    return filled == plan.segments


def segment_keys(tx: Transaction, video_id: str, rendition: str, index: int) -> SegmentKeys | None:
    """None when there is no such segment, or it is not encoded, or its video was deleted."""
    return tx.one(
        SegmentKeys,
        "select object_key, init_key from media_segment s join video v on v.id = s.video_id"
        " where s.video_id = %s and rendition = %s and index = %s and object_key is not null and v.state <> 'deleted'",
        (video_id, rendition, index),
    )


def _record(tx: Transaction, segment_id: str, files: SegmentFiles) -> None:
    segment = files.segment
    record(tx, files.media)
    record(tx, files.init)
    tx.execute(
        """
        update media_segment set object_key = %s, init_key = %s, start = %s, duration = %s, timescale = %s,
            frames = %s, codecs = %s, size = %s, sha256 = %s, missing = %s, filler = %s, encoded_at = now()
        where id = %s
        """,
        (
            files.media.object.key,
            files.init.object.key,
            segment.start,
            segment.duration,
            segment.timescale,
            segment.frames,
            segment.codecs,
            segment.size,
            files.media.object.sha256,
            segment.missing,
            segment.filler,
            segment_id,
        ),
    )


def _event(video_id: str, segment_id: str, files: SegmentFiles) -> SegmentEncoded:
    segment = files.segment
    return SegmentEncoded(
        video_id, segment_id, segment.rendition, segment.index, files.media.object.key, files.init.object.key
    )
