"""The search index in PostgreSQL's full text, without its parser: what a word is depends on the locale there.

Every text is indexed twice, stemmed as English ("running" finds "run") and as it is, for all other languages, for names
and for unfinished words. The vector's weights tell where a word stands: A title, B description, C tags, D messages.
"""

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct

from shared.db import Transaction
from shared.search import cursor as cursors
from shared.search import generation
from shared.search.base import Document, Hit, Kind, Results, SearchIndex
from shared.search.document import MAX_HIGHLIGHTED, VERSION, prepare
from shared.search.highlight import mark, snippet
from shared.search.postgres.tsquery import TsQuery, build
from shared.search.tokens import tokens
from shared.videos.visibility import MAY_FIND

_PUT = """
    insert into search_document (kind, id, video_id, owner_id, visibility, title, body, tags, vector, version)
    select kind, id, video_id, owner_id, visibility, title, body, tags,
        (select coalesce(string_agg(
                    concat('''', word, ''':', places, ' ''' || nullif(stem, word) || ''':' || places), ' '), '')
         from (select word, places, (ts_lexize('english_stem', word))[1] as stem
               from jsonb_each_text(words) as each (word, places)) as stemmed)::tsvector,
        %s
    from jsonb_to_recordset(%s) as given (
        kind text, id text, video_id text, owner_id text, visibility text, title text, body text, tags text[],
        words jsonb
    )
    on conflict (kind, id) do update set
        video_id = excluded.video_id, owner_id = excluded.owner_id, visibility = excluded.visibility,
        title = excluded.title, body = excluded.body, tags = excluded.tags, vector = excluded.vector,
        version = excluded.version
"""

# The query is a constant here, so that the planner can tell how much it will find. The whole number of the score is
# where the words were found, the fraction how well: ts_rank alone would let a description that repeats a word come
# before a title that has it.
SEARCH = f"""
    select kind, id, video_id, title, body, score from (
        select *, round((
            case when ts_filter(vector, '{{a}}') @@ %(query)s::tsquery then 3
                 when ts_filter(vector, '{{a,b}}') @@ %(query)s::tsquery then 2
                 when ts_filter(vector, '{{a,b,c}}') @@ %(query)s::tsquery then 1
                 else 0 end + ts_rank(vector, %(ranking)s::tsquery, 32))::numeric, 6) as score
        from search_document
        where vector @@ %(query)s::tsquery
          and ({MAY_FIND.viewer_sql})
          and (%(kind)s::text is null or kind = %(kind)s)
    ) as found
    where %(score)s::numeric is null or (score, id) < (%(score)s, %(id)s)
    order by score desc, id desc limit %(limit)s
"""  # noqa: S608, a rule of ours

# Of each field, in the order of their places; the longest last, since a vector has only so many.
_WEIGHTS = {"title": "A", "tags": "C", "body": "B", "message": "D"}
_LAST_PLACE = 16_383
_MOST_PLACES = 255  # of one word


class _Found(Struct):
    kind: Kind
    id: str
    video_id: str
    title: str
    body: str
    score: Decimal


class PostgresIndex(SearchIndex):
    """Writes and reads within the transaction given."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def put(self, document: Document) -> None:
        self.put_all([document])
        if document.kind == "video":
            self._tx.execute(
                """
                update search_document set owner_id = %s, visibility = %s, title = %s
                where video_id = %s and kind = 'message'
                """,
                (document.owner_id, document.visibility, prepare(document).title, document.video_id),
            )
        generation.changed(self._tx)

    def put_all(self, documents: list[Document]) -> None:
        """Adds or replaces these documents only: the caller updates the messages and the generation."""
        self._tx.execute(_PUT, (VERSION, self._tx.json([_fields(document) for document in documents])))

    def remove_video(self, video_id: str) -> None:
        self._tx.execute("delete from search_document where video_id = %s", (video_id,))
        generation.changed(self._tx)

    def search(
        self, text: str, *, viewer: str | None, kind: Kind | None = None, limit: int = 20, cursor: str | None = None
    ) -> Results:
        position = cursors.read(cursor) if cursor is not None else None
        query = build(self._tx, text)
        if query is None:
            return Results([])
        rows = self._tx.all(
            _Found,
            SEARCH,
            {
                "query": query.matching,
                "ranking": query.ranking,
                **MAY_FIND.params_for(viewer),
                "kind": kind,
                "score": position and position.score,
                "id": position and position.id,
                "limit": limit + 1,
            },
        )
        page = rows[:limit]
        hits = self._hits(page, query)
        more = len(rows) > limit
        return Results(hits, cursors.write(cursors.Position(page[-1].score, page[-1].id)) if more else UNSET)

    def _hits(self, rows: list[_Found], query: TsQuery) -> list[Hit]:
        found = [tokens(text[:MAX_HIGHLIGHTED]) for row in rows for text in (row.title, row.body)]
        marked = iter(query.marked(self._tx, found))
        return [
            Hit(
                kind=row.kind,
                id=row.id,
                video_id=row.video_id,
                title=row.title,
                title_html=mark(row.title, in_title if row.kind == "video" else ()),
                snippet=snippet(row.body, in_body),
                score=float(row.score),
            )
            for row, in_title, in_body in zip(rows, marked, marked, strict=True)
        ]


def _fields(document: Document) -> dict[str, Any]:
    prepared = prepare(document)
    return {
        "kind": document.kind,
        "id": document.id,
        "video_id": document.video_id,
        "owner_id": document.owner_id,
        "visibility": document.visibility,
        "title": prepared.title,
        "body": prepared.body,
        "tags": prepared.tags,
        "words": _places(prepared.words),
    }


def _places(words: dict[str, list[str]]) -> dict[str, str]:
    """Where each word is, as in a tsvector: "3A,7B". Between two fields one place is left out, so that no phrase
    reaches from one into the other."""
    places: dict[str, list[str]] = {}
    place = 0
    for field, weight in _WEIGHTS.items():
        for word in words.get(field, ()):
            place = min(place + 1, _LAST_PLACE)
            places.setdefault(word, []).append(f"{place}{weight}")
        place += 1
    return {word: ",".join(each[:_MOST_PLACES]) for word, each in places.items()}
