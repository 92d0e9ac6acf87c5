"""A search whose results are cached for a minute, and checked against the database for who may see what.

The key of a cached page contains the generation of the index, which every write changes, so no write is overlooked.
OpenSearch shows a write a moment after it; until it does, no page is cached.
"""

import hashlib

import msgspec

from shared import cache
from shared.config import integer, setting
from shared.db import Transaction
from shared.search import cursor as cursors
from shared.search import generation, open_index
from shared.search.base import Kind, Results
from shared.search.query import parse
from shared.videos.visibility import MAY_FIND

SECONDS = 60


def cached_search(
    tx: Transaction, text: str, *, viewer: str | None, kind: Kind | None, limit: int, cursor: str | None
) -> Results:
    """A page of results that `viewer` (an account; None: anyone) may see. Raises BadCursor, Unavailable."""
    if cursor is not None:
        cursors.read(cursor)
    # read before the index: a page may be newer than its generation, but never older
    now = generation.current(tx)
    shown_after_ms = 2 * integer("OPENSEARCH_REFRESH_MS") if setting("OPENSEARCH_URL") else 0
    key = _key(now.number, text, viewer, kind, limit, cursor)
    cached = cache.get(key)
    if cached is not None:
        return _visible(tx, msgspec.json.decode(cached, type=Results), viewer)
    results = open_index(tx).search(text, viewer=viewer, kind=kind, limit=limit, cursor=cursor)
    if now.quiet_ms >= shown_after_ms:
        cache.put(key, msgspec.json.encode(results), SECONDS)
    return _visible(tx, results, viewer)


def _key(
    generation_number: int, text: str, viewer: str | None, kind: Kind | None, limit: int, cursor: str | None
) -> str:
    """The same key for queries that differ only in spelling: case, accents, spaces."""
    index = setting("OPENSEARCH_INDEX") if setting("OPENSEARCH_URL") else "postgres"
    words = [[(term.words, term.excluded, term.prefix) for term in terms] for terms in parse(text)]
    asked = msgspec.json.encode([words, viewer, kind, limit, cursor])
    return f"search:{index}:{generation_number}:{hashlib.sha256(asked).hexdigest()}"


def _visible(tx: Transaction, results: Results, viewer: str | None) -> Results:
    """Leaves out videos that were deleted or made private while the index still has them."""
    ids = list({hit.video_id for hit in results.results})
    if not ids:
        return results
    visible = tx.values(
        str,
        f"select id from video where id = any(%(ids)s) and {MAY_FIND.sql}",  # noqa: S608, a rule of ours
        {**MAY_FIND.params_for(viewer), "ids": ids},
    )
    return Results([hit for hit in results.results if hit.video_id in visible], results.next)
