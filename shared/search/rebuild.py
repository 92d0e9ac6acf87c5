"""Rebuilds the index from the database while it is searched and written (`wadi reindex`, or after an update).

Documents are read in batches, and the rows of their videos stay locked until the batch is indexed. Writers lock them
too, so whichever comes later has read the later state.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from shared import db
from shared.config import setting
from shared.ids import new_id
from shared.search.base import Document, Kind, Visibility
from shared.search.builder import IndexBuilder

BATCH = 500

_VIDEOS = """
    select id, id as video_id, owner_id, visibility, title, description as body, tags
    from video where state = 'ready' and id > %s order by id limit %s for share
"""
_MESSAGES = """
    select m.id, m.video_id, v.owner_id, v.visibility, v.title, m.body, '{}'::text[] as tags
    from message m join video v on v.id = m.video_id
    where m.id > %s and v.state <> 'deleted' order by m.id limit %s for share of v
"""
_STATEMENTS: dict[Kind, str] = {"video": _VIDEOS, "message": _MESSAGES}

Progress = Callable[[int], None]  # is told how many documents are indexed so far


class _Row(Struct):
    """What a document is made of."""

    id: str
    video_id: str
    owner_id: str
    visibility: Visibility
    title: str
    body: str
    tags: list[str]

    def document(self, kind: Kind) -> Document:
        return Document(kind, self.id, self.video_id, self.owner_id, self.visibility, self.title, self.body, self.tags)


class Rebuilt(NamedTuple):
    documents: int
    name: str  # of the index


def renew() -> Rebuilt | None:
    """Rebuilds the index if it has words of another version, after an update of Wadi. Raises what `rebuild` does."""
    with db.transaction() as tx:
        outdated = _builder().is_outdated(tx)
    return rebuild() if outdated else None


def rebuild(progress: Progress = lambda documents: None) -> Rebuilt:
    """Raises RebuildUnderWay, Unavailable, LeaseLost."""
    builder = _builder()
    builder.start()
    try:
        documents = _fill(builder, progress)
        return Rebuilt(documents, builder.finish())
    except BaseException:  # Ctrl-C too
        builder.abort()
        raise


def _fill(builder: IndexBuilder, progress: Progress) -> int:
    documents = 0
    for kind, statement in _STATEMENTS.items():
        last, count = "", BATCH
        while count == BATCH:
            with db.transaction() as tx:
                rows = tx.all(_Row, statement, (last, BATCH))
                builder.add(tx, [row.document(kind) for row in rows])
            count = len(rows)
            last = rows[-1].id if rows else last
            documents += count
            progress(documents)
    return documents


def _builder() -> IndexBuilder:
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.builder import OpenSearchBuilder

        return OpenSearchBuilder(new_id())
    from shared.search.postgres.builder import PostgresBuilder

    return PostgresBuilder()
