"""Full text search: the port, in PostgreSQL (embedded) or, where OPENSEARCH_URL is set, in OpenSearch.

This package alone writes the tables search_document, search_generation and search_build. It reads video and message.
It may import shared.videos and what is below it, and shared.cache; shared.videos does not import it.
"""

from shared.config import setting
from shared.db import Transaction
from shared.search.base import BadCursor, Document, Hit, Kind, Results, SearchIndex
from shared.search.postgres.index import PostgresIndex

__all__ = ["BadCursor", "Document", "Hit", "Kind", "Results", "SearchIndex", "open_index", "unhealthy_reason"]


def open_index(tx: Transaction) -> SearchIndex:
    """The search index. Writes to the embedded one commit with `tx`."""
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.index import OpenSearchIndex

        return OpenSearchIndex(tx)
    return PostgresIndex(tx)


def unhealthy_reason() -> str | None:
    """Why OpenSearch does not answer, in one line; None when it does."""
    from shared.search.opensearch.health import unhealthy_reason

    return unhealthy_reason()
