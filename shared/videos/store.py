"""Encoded media segments into the object store."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from shared.db import Transaction
from shared.media.model import MediaSegment
from shared.storage import Replica, record, store_file


class StoredSegment(NamedTuple):
    """A media segment whose bytes, and those of its init segment, are durable on their first node."""

    segment: MediaSegment
    media: Replica
    init: Replica


def store_under_hash(folder: str, stem: str, path: Path, video_id: str) -> Replica:
    """Writes the primary replica of a file. The name holds a hash of the bytes: work that is done twice cannot put
    other bytes under a name that somebody has cached."""
    return store_file(f"{folder}/{stem}-{_short_hash(path)}{path.suffix}", path, video_id)


def store_segment_files(video_id: str, segment: MediaSegment) -> StoredSegment:
    """Writes the primary replicas of a media segment and of its init segment."""
    folder = f"videos/{video_id}/{segment.rendition}"
    return StoredSegment(
        segment,
        store_under_hash(folder, str(segment.index), Path(segment.path), video_id),
        store_under_hash(folder, "init", Path(segment.init_path), video_id),
    )


def objects_of(*stored: StoredSegment) -> list[Replica]:
    return [each for segment in stored for each in (segment.media, segment.init)]


def record_segment(tx: Transaction, stored: StoredSegment, segment_id: str) -> None:
    """Writes the rows of a stored segment: its two objects, and what the manifests need of it."""
    segment = stored.segment
    record(tx, stored.media)
    record(tx, stored.init)
    tx.execute(
        """
        update media_segment set object_key = %s, init_key = %s, start = %s, duration = %s, timescale = %s,
            frames = %s, codecs = %s, size = %s, sha256 = %s, encoded_at = now()
        where id = %s
        """,
        (
            stored.media.object.key,
            stored.init.object.key,
            segment.start,
            segment.duration,
            segment.timescale,
            segment.frames,
            segment.codecs,
            segment.size,
            stored.media.object.sha256,
            segment_id,
        ),
    )


def _short_hash(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:8]
