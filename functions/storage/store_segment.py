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
from shared.storage import ObjectRef
from shared.storage.problems import storage_problems
from shared.storage.records import find_object
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
    ref = _object(request, context)
    with workspace("store_segment") as folder:
        file = folder / "body"
        _receive(file, request.sha256, context)
        with storage_problems():
            nodes = restore(context.transaction, ref, file)
    return Created(StoredSegment(request.segment, ref.key, ref.size, ref.sha256, nodes))


class _Segment(Struct):
    object_key: str | None
    init_key: str | None


def _object(request: StoreSegment, context: Context) -> ObjectRef:
    """The object that the bytes should be. Raises Problem."""
    with context.transaction() as tx:
        segment = tx.one(_Segment, "select object_key, init_key from media_segment where id = %s", (request.segment,))
        if segment is None:
            raise Problem("not-found", f"There is no segment {request.segment}.")
        key = segment.init_key if request.init else segment.object_key
        ref = find_object(tx, key) if key else None
    if ref is None:
        raise Problem("wrong-state", "The segment is not encoded yet, so nothing says what its bytes should be.")
    if request.sha256.lower() != ref.sha256:
        raise Problem("checksum-mismatch", f"This segment is the bytes whose SHA-256 is {ref.sha256}.")
    return ref


def _receive(file: Path, sha256: str, context: Context) -> None:
    """The body into a file. Raises Problem too-large, checksum-mismatch."""
    most = integer("MAX_SEGMENT_BYTES")
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
