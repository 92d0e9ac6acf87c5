"""Finds videos and messages."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.runtime.function import PUBLIC, Context, Problem, http_function
from shared.search import BadCursor, Kind, Results
from shared.search.cached_search import cached_search


class Search(Struct):
    """`q` is what a person types: words, "a phrase", -without, OR; the last word may be unfinished."""

    q: str
    kind: Kind | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | None = None  # `next` of the page before


@http_function("GET /api/search", access=PUBLIC)
def search(request: Search, context: Context) -> Results:
    viewer = context.principal.user_id if context.principal else None
    try:
        with context.transaction() as tx:
            return cached_search(
                tx, request.q, viewer=viewer, kind=request.kind, limit=request.limit, cursor=request.cursor
            )
    except BadCursor as error:
        raise Problem("invalid-request", str(error), errors=[{"field": "cursor", "message": str(error)}]) from error
