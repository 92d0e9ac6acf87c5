"""The search index in OpenSearch. Its words are those of shared/search/postgres/index.py: the same tests hold both."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from shared.db import Transaction
from shared.search import cursor as cursors
from shared.search import generation
from shared.search.base import Document, Hit, Kind, Results, SearchIndex
from shared.search.document import MAX_HIGHLIGHTED, prepare
from shared.search.highlight import Span, mark, snippet, spans
from shared.search.opensearch import mapping, rebuild_lock
from shared.search.opensearch.client import client, raising_unavailable
from shared.search.opensearch.query import STEPS, Query, build
from shared.search.tokens import tokens

CREATE_LOCK = 7_236_910_031  # who makes the first index
TRIES = 5


def source(document: Document) -> dict[str, Any]:
    """The document as OpenSearch keeps it."""
    prepared = prepare(document)
    return {
        "kind": document.kind,
        "id": document.id,
        "video_id": document.video_id,
        "owner_id": document.owner_id,
        "visibility": document.visibility,
        "shown_title": prepared.title,
        "shown_body": prepared.body,
        **{field: " ".join(words) for field, words in prepared.words.items()},
    }


def key(document: Document) -> str:
    return f"{document.kind}-{document.id}"


class OpenSearchIndex(SearchIndex):
    """Writes at once, whether or not the given transaction commits: its locks only order the writes (see the base
    class). A change of a video is visible to searches when the write returns, one of a message within
    OPENSEARCH_REFRESH_MS."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def put(self, document: Document) -> None:
        revision = rebuild_lock.next_revision(self._tx)
        self._write(lambda alias: self._put(alias, document, revision))

    def remove_video(self, video_id: str) -> None:
        self._write(lambda alias: self._remove(alias, video_id))

    def _write(self, write: Callable[[str], None]) -> None:
        from opensearchpy.exceptions import NotFoundError

        with raising_unavailable():
            building = rebuild_lock.enter_as_writer(self._tx)
            try:
                write(mapping.alias())
            except NotFoundError:
                self._make_the_first()
                write(mapping.alias())
            if building:
                rebuild_lock.write_next(write)
        generation.changed(self._tx)

    def _make_the_first(self) -> None:
        self._tx.execute("select pg_advisory_xact_lock(%s)", (CREATE_LOCK,))
        if not mapping.behind(client(), mapping.alias()):
            mapping.make(client(), mapping.new_name(), behind=mapping.alias())

    def _put(self, alias: str, document: Document, revision: int) -> None:
        from opensearchpy.exceptions import ConflictError

        try:
            client().index(
                index=alias,
                id=key(document),
                body=source(document),
                # a request that was given up as lost and arrives late after all must not undo a later one
                params={"version": revision, "version_type": "external_gte", "require_alias": "true"},
            )
        except ConflictError:
            return
        if document.kind == "video":
            script = {
                "source": "ctx._source.owner_id = params.owner_id; ctx._source.visibility = params.visibility;"
                " ctx._source.shown_title = params.title",
                "params": {
                    "owner_id": document.owner_id,
                    "visibility": document.visibility,
                    "title": prepare(document).title,
                },
            }
            messages = {"bool": {"filter": [_is("video_id", document.video_id), _is("kind", "message")]}}
            self._to_all_of(client().update_by_query, alias, {"query": messages, "script": script})

    def _remove(self, alias: str, video_id: str) -> None:
        self._to_all_of(client().delete_by_query, alias, {"query": _is("video_id", video_id)})

    def _to_all_of(self, operation: Callable[..., Any], alias: str, body: dict[str, Any]) -> None:
        """Runs an operation on all documents that a query finds, and again while some were skipped because they were
        being written. Its changes are visible to searches when this returns."""
        for _ in range(TRIES):
            client().indices.refresh(index=alias)
            done = operation(
                index=alias,
                body=body,
                params={**mapping.LONG, "conflicts": "proceed", "refresh": "true"},
            )
            if not done["version_conflicts"]:
                return
        raise RuntimeError(f"{alias}: {done['version_conflicts']} documents are being written all the time")

    def search(
        self, text: str, *, viewer: str | None, kind: Kind | None = None, limit: int = 20, cursor: str | None = None
    ) -> Results:
        from opensearchpy.exceptions import NotFoundError

        position = cursors.read(cursor) if cursor is not None else None
        query = build(text)
        if query is None:
            return Results([])
        with raising_unavailable():
            try:
                answer = client().search(
                    index=mapping.alias(),
                    body=_request(query, viewer, kind, limit + 1, position),
                    params={"allow_partial_search_results": "false"},
                )
            except NotFoundError:  # nothing was ever indexed
                return Results([])
        found = answer["hits"]["hits"]
        page = found[:limit]
        hits = [_hit(each, query) for each in page]
        return Results(hits, cursors.write(_position(page[-1])) if len(found) > limit else UNSET)


def _is(field: str, value: str) -> dict[str, Any]:
    return {"term": {field: value}}


def _request(
    query: Query, viewer: str | None, kind: Kind | None, count: int, position: cursors.Position | None
) -> dict[str, Any]:
    # MAY_FIND of shared/videos/visibility.py, in OpenSearch's language; find.py asks the rule itself afterwards
    may_see = [_is("visibility", "public"), *([_is("owner_id", viewer)] if viewer else [])]
    filters = [{"bool": {"should": may_see, "minimum_should_match": 1}}, *([_is("kind", kind)] if kind else [])]
    request: dict[str, Any] = {
        "size": count,
        "track_total_hits": False,
        "_source": ["kind", "id", "video_id", "shown_title", "shown_body"],
        "query": query.scored(filters),
        "sort": [{"_score": "desc"}, {"id": "desc"}],
        "highlight": {
            "type": "unified",
            "number_of_fragments": 0,
            "max_analyzer_offset": 3 * MAX_HIGHLIGHTED,  # a pair and a space for each letter
            "pre_tags": ["["],
            "post_tags": ["]"],
            "highlight_query": query.stemmed,
            "fields": {f"{text}.stemmed": {} for text in ("title", "body", "message")},
        },
    }
    if position is not None:
        request["search_after"] = [round(float(position.score) * STEPS) / STEPS, position.id]
    return request


def _position(found: dict[str, Any]) -> cursors.Position:
    score, id = found["sort"]
    return cursors.Position(Decimal(f"{score:.6f}"), id)


def _hit(found: dict[str, Any], query: Query) -> Hit:
    shown, marked = found["_source"], found.get("highlight", {})
    title, body = shown["shown_title"], shown["shown_body"]
    return Hit(
        kind=shown["kind"],
        id=shown["id"],
        video_id=shown["video_id"],
        title=title,
        title_html=mark(title, _spans(marked, ("title",), title, query) if shown["kind"] == "video" else ()),
        snippet=snippet(body, _spans(marked, ("body", "message"), body, query)),
        score=round(found["sort"][0], 6),
    )


def _spans(highlight: dict[str, list[str]], fields: tuple[str, ...], text: str, query: Query) -> list[Span]:
    """Where the words are. What OpenSearch highlights are the words of the text, between spaces, in their order."""
    found = tokens(text[:MAX_HIGHLIGHTED])
    matched = query.matches([token.text for token in found])
    for field in fields:
        for marked in highlight.get(f"{field}.stemmed", ()):
            matched |= {number for number in _in_brackets(marked) if number < len(found)}
    return spans(found, matched, query.words)


def _in_brackets(words: str) -> Iterator[int]:
    """The numbers of the words that are in [brackets]; a pair of brackets may hold several words."""
    inside = False
    for number, word in enumerate(words.split(" ")):
        inside = inside or word.startswith("[")
        if inside:
            yield number
        inside = inside and not word.endswith("]")
