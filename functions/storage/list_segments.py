"""Lists the media segments of a video, and which nodes have them."""

from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from shared.db import read_one
from shared.runtime.function import PUBLIC, Context, Encoded, Problem, http_function
from shared.storage.records import replica_nodes_of
from shared.videos.response_cache import response_cache

MAX_LIMIT = 1000

T = TypeVar("T")


class ListSegments(Struct):
    id: str
    rendition: str | None = None
    limit: int = 200
    cursor: str | None = None


class Segment(Struct, omit_defaults=True):
    """`url` and `init_url` lead to the bytes; a segment that is only planned has none."""

    id: str
    rendition: str
    index: int
    encoded: bool
    placed: bool
    nodes: list[str]
    start_s: float | UnsetType = UNSET
    duration_s: float | UnsetType = UNSET
    frames: int | UnsetType = UNSET
    codecs: str | UnsetType = UNSET
    size: int | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    init_url: str | UnsetType = UNSET


class Segments(Struct):
    segments: list[Segment]
    next: str | None


class _Row(Struct):
    """A media segment; all but the first four are null until it is encoded (`placed_at`: placed)."""

    id: str
    rendition: str
    index: int
    object_key: str | None
    placed_at: datetime | None
    start: int | None
    duration: int | None
    timescale: int | None
    frames: int | None
    codecs: str | None
    size: int | None
    sha256: str | None


@http_function("GET /api/videos/{id}/segments", access=PUBLIC, query_token=True)
def list_segments(request: ListSegments, context: Context) -> Encoded[Segments]:
    if not 1 <= request.limit <= MAX_LIMIT:
        raise Problem("invalid-request", f"limit: Give a number from 1 to {MAX_LIMIT}.")
    index, rendition = _position(request.cursor)
    name = f"segments:{request.rendition}:{request.limit}:{index}:{rendition}:{context.base_url}"
    cache = response_cache(read_one, request.id, context.principal)
    if (answer := cache.get(name)) is not None:
        return Encoded(answer)
    with context.transaction() as tx:
        rows = tx.all(
            _Row,
            """
            select * from media_segment
            where video_id = %s and (%s::text is null or rendition = %s) and (index, rendition) > (%s, %s)
            order by index, rendition limit %s
            """,
            (request.id, request.rendition, request.rendition, index, rendition, request.limit + 1),
        )
        nodes = replica_nodes_of(tx, [row.object_key for row in rows if row.object_key is not None])
    page = rows[: request.limit]
    more = len(rows) > len(page)
    found = Segments(
        segments=[_segment(row, nodes, context.base_url) for row in page],
        next=f"{page[-1].index}:{page[-1].rendition}" if more else None,
    )
    answer = msgspec.json.encode(found)
    if all(segment.placed for segment in found.segments):  # or it still changes without a change of its version
        cache.put(name, answer)
    return Encoded(answer)


def _position(cursor: str | None) -> tuple[int, str]:
    """Where a page begins: after this index and rendition."""
    if cursor is None:
        return -1, ""
    index, _, rendition = cursor.partition(":")
    if not index.isascii() or not index.isdigit() or len(index) > 9:
        raise Problem("invalid-request", "cursor: This is not one that was answered as `next`.")
    return int(index), rendition


def _segment(row: _Row, nodes: dict[str, list[str]], base_url: str) -> Segment:
    segment = Segment(
        id=row.id,
        rendition=row.rendition,
        index=row.index,
        encoded=row.object_key is not None,
        placed=row.placed_at is not None,
        nodes=nodes.get(row.object_key or "", []),
    )
    if segment.encoded:
        segment.start_s = _seconds(row.start, row.timescale)
        segment.duration_s = _seconds(row.duration, row.timescale)
        segment.frames, segment.codecs = _known(row.frames), _known(row.codecs)
        segment.size, segment.sha256 = _known(row.size), _known(row.sha256)
        segment.url = f"{base_url}/api/segments/{row.id}"
        segment.init_url = f"{segment.url}?init=true"
    return segment


def _seconds(ticks: int | None, timescale: int | None) -> float:
    return round(_known(ticks) / _known(timescale), 6)


def _known(value: T | None) -> T:
    assert value is not None, "a segment that is encoded has it"
    return value
