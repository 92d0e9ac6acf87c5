"""Makes the index anew from the database, while it is searched and written (`wadi reindex`).

Documents are read in batches, and the rows of their videos are locked until the batch is indexed, which is what writers
do too: so whichever comes later has read the later state.
"""

from collections.abc import Callable
from typing import NamedTuple

from shared import db
from shared.config import setting
from shared.ids import new_id
from shared.search.base import Document, Kind
from shared.search.target import Target

BATCH = 500

_VIDEOS = """
    select id, id as video_id, owner_id, visibility, title, description as body, tags
    from video where state = 'ready' and id > %s order by id limit %s for share
"""
_MESSAGES = """
    select m.id, m.video_id, v.owner_id, v.visibility, v.title, m.body
    from message m join video v on v.id = m.video_id
    where m.id > %s and v.state <> 'deleted' order by m.id limit %s for share of v
"""
_STATEMENTS: dict[Kind, str] = {"video": _VIDEOS, "message": _MESSAGES}

Progress = Callable[[int], None]  # is told how many documents are indexed so far


class Rebuilt(NamedTuple):
    documents: int
    name: str  # of the index


def rebuild(progress: Progress = lambda documents: None) -> Rebuilt:
    """Raises RebuildUnderWay, Unavailable, LeaseLost."""
    target = _target()
    target.start()
    try:
        documents = _fill(target, progress)
        return Rebuilt(documents, target.finish())
    except BaseException:  # an impatient person's Ctrl-C too
        target.give_up()
        raise


def _fill(target: Target, progress: Progress) -> int:
    documents = 0
    for kind, statement in _STATEMENTS.items():
        last, count = "", BATCH
        while count == BATCH:
            with db.transaction() as tx:
                rows = tx.all(statement, (last, BATCH))
                target.add(tx, [Document(kind=kind, **row) for row in rows])
            count = len(rows)
            last = rows[-1]["id"] if rows else last
            documents += count
            progress(documents)
    return documents


def _target() -> Target:
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.target import OpenSearchTarget

        return OpenSearchTarget(new_id())
    from shared.search.postgres.target import PostgresTarget

    return PostgresTarget()
