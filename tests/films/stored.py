"""Videos with media segments in storage, as transcode_segment leaves them."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.db import transaction
from shared.ids import new_id
from shared.storage import record, store_file
from shared.storage.nodes.location import local_stores
from tests.conftest import Database


@dataclass(frozen=True)
class SegmentRow:
    id: str
    video_id: str
    rendition: str
    index: int
    object_key: str
    init_key: str
    data: bytes
    init: bytes


def make_segments(database: Database, video_id: str, renditions: list[str], count: int) -> list[SegmentRow]:
    """Encoded media segments: each object is on the first node of its key, and recorded."""
    made = []
    for rendition in renditions:
        init = f"init of {rendition}".encode()
        for index in range(count):
            data = hashlib.shake_256(f"{video_id}/{rendition}/{index}".encode()).digest(100_000 + index)
            made.append(_make(database, SegmentRow(new_id(), video_id, rendition, index, "", "", data, init)))
    return made


def _make(database: Database, row: SegmentRow) -> SegmentRow:
    folder = f"videos/{row.video_id}/{row.rendition}"
    stored = store_bytes(f"{folder}/{row.index}-0123abcd.m4s", row.data, row.video_id)
    init = store_bytes(f"{folder}/init-0123abcd.mp4", row.init, row.video_id)
    database.all(
        """
        insert into media_segment (id, video_id, rendition, index, object_key, init_key, start, duration, timescale,
                                   frames, codecs, size, sha256, encoded_at)
        values (%s, %s, %s, %s, %s, %s, %s, 900000, 90000, 250, 'avc1.640028', %s, %s, now())
        """,
        (
            row.id,
            row.video_id,
            row.rendition,
            row.index,
            stored,
            init,
            row.index * 900_000,
            len(row.data),
            hashlib.sha256(row.data).hexdigest(),
        ),
    )
    return replace(row, object_key=stored, init_key=init)


def store_bytes(key: str, data: bytes, video_id: str | None) -> str:
    """One object with its first replica, recorded; its key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        path.write_bytes(data)
        stored = store_file(key, path, video_id)
    with transaction() as tx:
        record(tx, stored)
    return key


def recorded(database: Database, key: str) -> set[str]:
    """The nodes that the database says have the object."""
    return {row["node_id"] for row in database.all("select node_id from replica where object_key = %s", (key,))}


def holders(key: str, data: bytes) -> set[str]:
    """The nodes that really have exactly these bytes under the key."""
    return {
        store.id
        for store in local_stores().values()
        if store.size(key) is not None and b"".join(store.open(key)) == data
    }


@contextmanager
def unplugged(database: Database, key: str) -> Iterator[None]:
    """The only disk that holds an object is not there, as when it is not mounted."""
    (node,) = recorded(database, key)
    (row,) = database.all("select location from node where id = %s", (node,))
    here, away = Path(row["location"]), Path(f"{row['location']}-away")
    here.rename(away)
    try:
        yield
    finally:
        away.rename(here)
