"""Leads to the bytes of a media segment, or gives them where the node that it would lead to does not have them."""

from msgspec import Struct

from shared.objects import ObjectMissing
from shared.objects.base import content_type
from shared.runtime.function import PUBLIC, Context, Problem, Response, http_function
from shared.runtime.links import relative
from shared.runtime.ranges import wanted_range
from shared.storage import signed_url
from shared.storage.io.serve import FileRange, Replicas, read_good, replicas
from shared.storage.problems import storage_problems
from shared.videos.visibility import check_visible

PATH = "/api/segments/{id}"


class GetSegment(Struct):
    """`init`: the init segment that it is played with. `verified`: no redirect; the bytes, compared with their
    checksum."""

    id: str
    init: bool = False
    verified: bool = False


class _Segment(Struct):
    video_id: str
    object_key: str | None
    init_key: str | None


@http_function(f"GET {PATH}", access=PUBLIC, query_token=True)
def get_segment(request: GetSegment, context: Context) -> Response:
    with context.transaction() as tx:
        segment = tx.one(
            _Segment, "select video_id, object_key, init_key from media_segment where id = %s", (request.id,)
        )
        if segment is None:
            raise Problem("not-found", f"There is no segment {request.id}.")
        check_visible(tx, segment.video_id, context.principal)
        key = segment.init_key if request.init else segment.object_key
        if key is None:
            raise Problem("not-found", "The segment is not encoded yet.")
        url = signed_url(tx, key)
        found = replicas(tx, key)
    if found is None or (not request.verified and found.first_is_there()):
        return Response(302, headers={"Location": relative(PATH, url), "Cache-Control": "no-store"})
    return _bytes(found, context)


def _bytes(found: Replicas, context: Context) -> Response:
    etag, size = found.object.sha256, found.object.size
    headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600"}
    if f'"{etag}"' in [each.strip() for each in context.headers.get("If-None-Match", "").split(",")]:
        return Response(304, headers=headers)
    part = wanted_range(context.headers, size, etag)
    try:
        with storage_problems():
            file = read_good(context.transaction, found)
    except ObjectMissing as error:
        context.log.error("%s", error)
        raise Problem("unavailable", "The bytes of this segment are damaged on every node.") from error
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Response(206 if part else 200, FileRange(file, start, end), content_type(found.object.key), headers)
