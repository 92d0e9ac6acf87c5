"""Full text search: the port, in PostgreSQL (embedded) or, where OPENSEARCH_URL is set, in OpenSearch."""

from shared.config import setting
from shared.db import Transaction
from shared.search.base import BadCursor, Document, Hit, Kind, Results, SearchIndex
from shared.search.postgres.index import PostgresIndex
from shared.telemetry import health

__all__ = ["BadCursor", "Document", "Hit", "Kind", "Results", "SearchIndex", "open_index"]


def open_index(tx: Transaction) -> SearchIndex:
    """The search index. What is put into the embedded one commits with `tx`."""
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.index import OpenSearchIndex

        return OpenSearchIndex(tx)
    return PostgresIndex(tx)


def _trouble() -> str | None:
    from shared.search.opensearch.health import trouble

    return trouble()


health.register("search", "OPENSEARCH_URL", _trouble, needed=False)  # it answers 503 by itself
