"""Writes encoded media segments and pictures to the object store. Nothing refers to them until they are recorded."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from shared.media.model import MediaSegment
from shared.storage import Replica, store_file


class SegmentFiles(NamedTuple):
    """A media segment whose bytes, and those of its init segment, are durable on their first node."""

    segment: MediaSegment
    media: Replica
    init: Replica


def store_under_hash(folder: str, stem: str, path: Path, video_id: str) -> Replica:
    """Writes the first replica of a file, under a name with a hash of its bytes.

    So the same work done twice never puts other bytes under a name that somebody has cached.
    """
    return store_file(f"{folder}/{stem}-{_short_hash(path)}{path.suffix}", path, video_id)


def store_segment(video_id: str, segment: MediaSegment) -> SegmentFiles:
    """Writes the first replicas of a media segment and of its init segment."""
    folder = f"videos/{video_id}/{segment.rendition}"
    return SegmentFiles(
        segment,
        store_under_hash(folder, str(segment.index), Path(segment.path), video_id),
        store_under_hash(folder, "init", Path(segment.init_path), video_id),
    )


def objects_of(*files: SegmentFiles) -> list[Replica]:
    return [replica for each in files for replica in (each.media, each.init)]


def _short_hash(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:8]
