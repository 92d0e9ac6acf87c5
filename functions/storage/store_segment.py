"""Stores the bytes of a media segment (or of its init segment) and makes its replicas: how what was lost comes back.

The bytes are those that the segment was encoded to; other bytes would be another segment.
"""

import hashlib
from pathlib import Path

from msgspec import Struct

from shared.config import integer
from shared.objects.base import CHUNK
from shared.runtime.function import ADMIN, Context, Created, Problem, http_function
from shared.runtime.workspace import workspace
from shared.storage.io.verify import Wanted
from shared.storage.problems import storage_problems
from shared.storage.repair.restore import restore


class StoreSegment(Struct, forbid_unknown_fields=True):
    """Which media segment the body is: its id, or, with `init`, the init segment that it is played with."""

    segment: str
    sha256: str
    init: bool = False


class StoredSegment(Struct):
    id: str
    key: str
    size: int
    sha256: str
    nodes: list[str]


@http_function("POST /api/segments", access=ADMIN, raw_body=True)
def store_segment(request: StoreSegment, context: Context) -> Created[StoredSegment]:
    wanted, video_id = _wanted(request, context)
    with workspace("store_segment") as folder:
        file = folder / "body"
        _receive(file, request.sha256, context)
        with storage_problems():
            nodes = restore(context.transaction, wanted, file, video_id)
    return Created(StoredSegment(request.segment, wanted.key, wanted.size, wanted.sha256, nodes))


def _wanted(request: StoreSegment, context: Context) -> tuple[Wanted, str]:
    """The object that the bytes are to be. Raises Problem."""
    with context.transaction() as tx:
        segment = tx.one("select video_id, object_key, init_key from media_segment where id = %s", (request.segment,))
        if segment is None:
            raise Problem("not-found", f"There is no segment {request.segment}.")
        key = segment["init_key"] if request.init else segment["object_key"]
        row = tx.one("select key, size, sha256, part_size from object where key = %s", (key,))
    if row is None:
        raise Problem("wrong-state", "The segment is not encoded yet, so nothing says what its bytes should be.")
    if request.sha256.lower() != row["sha256"]:
        raise Problem("checksum-mismatch", f"This segment is the bytes whose SHA-256 is {row['sha256']}.")
    return Wanted(**row), segment["video_id"]


def _receive(file: Path, sha256: str, context: Context) -> None:
    """The body into a file. Raises Problem too-large, checksum-mismatch."""
    most = integer("MAX_SEGMENT_BYTES", minimum=1)
    if int(context.headers.get("Content-Length") or 0) > most:
        raise Problem("too-large", f"A segment may have {most} bytes at most.")
    digest, size = hashlib.sha256(), 0
    with file.open("wb") as out:
        while data := context.stream.read(CHUNK):
            size += len(data)
            if size > most:
                raise Problem("too-large", f"A segment may have {most} bytes at most.")
            digest.update(data)
            out.write(data)
    if digest.hexdigest() != sha256.lower():
        raise Problem("checksum-mismatch", f"The SHA-256 of the {size} bytes that arrived is {digest.hexdigest()}.")
