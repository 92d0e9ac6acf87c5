"""The indexes that tests search: PostgreSQL's, and in OpenSearch each test's with names of its own."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared import db
from shared.ids import new_id
from shared.search import Document, Hit, Kind, Results, SearchIndex, open_index
from shared.search.opensearch import mapping
from tests.real import need

ENGINES = ["postgres", "opensearch"]
_numbers = itertools.count(1)


@contextmanager
def empty_index(engine: str) -> Iterator[SearchIndex]:
    """An empty index of the engine; the database is there."""
    if engine == "opensearch":
        with own_index(need("opensearch")), db.transaction() as tx:
            yield Fresh(open_index(tx))
        return
    with db.transaction() as tx:
        tx.execute("truncate search_document")
        yield open_index(tx)


def video(title: str, body: str = "", tags: list[str] | None = None, **change: Any) -> Document:
    number = f"v{next(_numbers):06d}"
    fields = {"id": number, "video_id": number, "owner_id": "owner", "visibility": "public"} | change
    return Document(kind="video", title=title, body=body, tags=tags or [], **fields)


def put(index: SearchIndex, *documents: Document) -> None:
    for document in documents:
        index.put(document)


def titles(index: SearchIndex, text: str, **options: Any) -> list[str]:
    return [hit.title for hit in index.search(text, **{"viewer": None} | options).results]


def only(index: SearchIndex, text: str) -> Hit:
    (hit,) = index.search(text, viewer=None).results
    return hit


@contextmanager
def own_index(url: str, **settings: str) -> Iterator[str]:
    """OPENSEARCH_URL and OPENSEARCH_INDEX lead to an index of our own, which is not there yet; the alias."""
    name = f"test-{new_id()}"
    fast = {"OPENSEARCH_REPLICAS": "0", "OPENSEARCH_REFRESH_MS": "100"}
    with pytest.MonkeyPatch.context() as patch:
        for setting, value in {"OPENSEARCH_URL": url, "OPENSEARCH_INDEX": name, **fast, **settings}.items():
            patch.setenv(setting, value)
        from shared.search.opensearch.client import client

        try:
            yield name
        finally:
            for index in client().indices.get(index=f"{name}*"):
                client().indices.delete(index=index)


class Fresh(SearchIndex):
    """OpenSearch shows a message within OPENSEARCH_REFRESH_MS; a search of this one shows all that was written."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    def put(self, document: Document) -> None:
        self._index.put(document)

    def remove_video(self, video_id: str) -> None:
        self._index.remove_video(video_id)

    def search(
        self, text: str, *, viewer: str | None, kind: Kind | None = None, limit: int = 20, cursor: str | None = None
    ) -> Results:
        refresh()
        return self._index.search(text, viewer=viewer, kind=kind, limit=limit, cursor=cursor)


def refresh() -> None:
    from shared.search.opensearch.client import client

    client().indices.refresh(index=f"{mapping.alias()}*")


def indexes() -> list[str]:
    """The names of the indexes that are there."""
    from shared.search.opensearch.client import client

    return sorted(client().indices.get(index=f"{mapping.alias()}*"))
