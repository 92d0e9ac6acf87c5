"""The index in OpenSearch: its names, mappings and analyzers, and how it is created.

The mappings of an index never change: `wadi reindex` creates a new index behind the same alias, and the version in its
name says which mappings it has. Writes only go to aliases, so that OpenSearch never creates an index by itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.config import integer, setting
from shared.search.opensearch.health import current
from shared.search.stop_words import STOP_WORDS

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

SECONDS = 60  # for slow requests
LONG: dict[str, Any] = {"request_timeout": SECONDS}

TEXTS = ("title", "body", "tags", "message")  # the searched fields, the most important first


def alias() -> str:
    """The alias that is searched and written."""
    return setting("OPENSEARCH_INDEX")


def next_alias() -> str:
    """The alias that is also written while an index is rebuilt."""
    return f"{alias()}-next"


def new_name() -> str:
    return f"{current()}{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"


def make(client: OpenSearch, name: str, *, behind: str) -> None:
    """Creates an empty index behind an alias."""
    client.indices.create(
        index=name, body={"settings": _settings(), "mappings": _MAPPINGS, "aliases": {behind: {}}}, params=LONG
    )


def behind(client: OpenSearch, name: str) -> list[str]:
    """The indexes behind an alias."""
    pattern = f"{name}*"  # a pattern may match nothing, a name may not
    found = client.indices.get_alias(name=pattern, params=LONG)
    return [index for index, about in found.items() if name in about["aliases"]]


def remove_replaced(client: OpenSearch) -> None:
    """Deletes our indexes that have no alias any more."""
    ours = re.compile(re.escape(alias()) + r"-v\d+-\d{8}-\d{6}-\d{6}")
    for index, about in client.indices.get_alias(index=f"{alias()}-v*").items():
        if ours.fullmatch(index) and not about["aliases"]:
            client.indices.delete(index=index, params={"ignore_unavailable": "true"})


def _settings() -> dict[str, Any]:
    return {
        "number_of_shards": integer("OPENSEARCH_SHARDS"),
        "number_of_replicas": integer("OPENSEARCH_REPLICAS"),
        "refresh_interval": f"{integer('OPENSEARCH_REFRESH_MS')}ms",
        "similarity": {
            # Depends on the document alone. A score that counts how rare a word is in the whole index changes with
            # every write, and a cursor would then repeat hits or skip some.
            "here": {
                "type": "scripted",
                "script": {"source": "return query.boost * (2.0 - 1.0 / Math.max(1.0, doc.freq));"},
            }
        },
        "analysis": {
            "filter": {
                "too_common": {"type": "stop", "stopwords": sorted(STOP_WORDS)},
                "stem": {"type": "stemmer", "language": "porter2"},
            },
            # What is indexed and searched are words already (shared/search/tokens.py), between spaces.
            "analyzer": {
                "plain": {"type": "custom", "tokenizer": "whitespace"},
                "stemmed": {"type": "custom", "tokenizer": "whitespace", "filter": ["too_common", "stem"]},
            },
        },
    }


_KEYWORD = {"type": "keyword"}
_SHOWN_ONLY = {"type": "keyword", "index": False, "doc_values": False}
_WORDS = {
    "type": "text",
    "analyzer": "plain",
    "similarity": "here",
    "norms": False,
    "fields": {"stemmed": {"type": "text", "analyzer": "stemmed", "similarity": "here", "norms": False}},
}
_MAPPINGS = {
    "dynamic": "strict",
    "properties": {
        **dict.fromkeys(("kind", "id", "video_id", "owner_id", "visibility"), _KEYWORD),
        **dict.fromkeys(("shown_title", "shown_body"), _SHOWN_ONLY),
        **dict.fromkeys(TEXTS, _WORDS),
    },
}
