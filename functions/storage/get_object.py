"""Reads a frozen object: decoded from its shards as it is sent, by a URL that was signed for it.

Only what is frozen comes through here, and only until it is thawed; then this leads to a replica.
"""

from itertools import chain

from msgspec import Struct

from shared.objects import ObjectMissing, signing
from shared.objects.base import content_type
from shared.runtime.function import ANYONE, Context, Problem, Response, http_function
from shared.runtime.links import relative
from shared.runtime.ranges import wanted_range
from shared.storage import signed_url
from shared.storage.erasure.read import find_frozen, read_frozen
from shared.storage.io.urls import FROZEN_PATH
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.storage.records import is_in_use


class GetObject(Struct):
    key: str
    expires: int
    signature: str


@http_function("GET /api/objects", access=ANYONE)
def get_object(request: GetObject, context: Context) -> Response:
    signing.verify("GET", FROZEN_PATH, context.query)
    with context.transaction() as tx:
        if not is_in_use(tx, request.key):
            raise Problem("not-found", "There is no such object.")
        url, frozen, nodes = signed_url(tx, request.key), find_frozen(tx, request.key), load(tx)
    if frozen is None or not url.startswith(FROZEN_PATH):
        return Response(302, headers={"Location": relative(FROZEN_PATH, url), "Cache-Control": "no-store"})
    size = frozen.object.size
    part = wanted_range(context.headers, size, frozen.object.sha256)
    start, end = part or (0, size)
    headers = {
        "ETag": f'"{frozen.object.sha256}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=300",
        "Content-Length": str(end - start),
        "X-Content-Type-Options": "nosniff",
    }
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = read_frozen(nodes, frozen, start, end)
    try:
        with storage_problems():
            first = next(body, b"")  # an error becomes a problem as long as nothing is sent
    except ObjectMissing as error:
        context.log.error("%s", error)
        raise Problem("unavailable", "Too many shards of this object are lost.") from error
    return Response(206 if part else 200, chain([first], body), content_type(request.key), headers)
