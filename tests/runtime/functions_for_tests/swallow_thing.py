"""Reads its body by itself, as far as it is asked to, and answers with its own headers."""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from shared.runtime.function import PUBLIC, Context, Problem, Response, http_function

BLOCK = 1 << 16


class SwallowThing(Struct):
    id: str
    at_most: int = 1 << 40


@http_function("PUT /things/{id}/bytes", access=PUBLIC, raw_body=True)
def swallow_thing(request: SwallowThing, context: Context) -> Response:
    digest, size = hashlib.sha256(), 0
    while block := context.stream.read(BLOCK):
        size += len(block)
        if size > request.at_most:
            raise Problem("too-large", f"At most {request.at_most} bytes.", most=request.at_most)
        digest.update(block)

    def told() -> Iterator[bytes]:
        yield f"{size} ".encode()
        yield digest.hexdigest().encode()

    return Response(200, told(), "text/x-digest", {"X-Kind": context.headers.get("X-Kind", "")})
