"""Builds a new OpenSearch index beside the one that is searched, and then swaps the alias."""

import time
from contextlib import suppress
from typing import Any

from shared import db
from shared.db import Transaction
from shared.errors import LeaseLost, Unavailable
from shared.search import generation
from shared.search.base import Document
from shared.search.builder import IndexBuilder, RebuildUnderWay
from shared.search.opensearch import health, mapping, rebuild_lock
from shared.search.opensearch.client import client, raising_unavailable
from shared.search.opensearch.index import key, source

LEASE_SECONDS = 180  # seconds; a batch takes one, and two requests of LONG at the very most
MAX_REQUEST = 8 << 20  # bytes
SEARCHED_SECONDS = 1.0  # an index that was replaced may still be in use by the searches of that moment


class OpenSearchBuilder(IndexBuilder):
    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._name = mapping.new_name()

    def is_outdated(self, tx: Transaction) -> bool:
        with raising_unavailable():
            return any(not name.startswith(health.current()) for name in mapping.behind(client(), mapping.alias()))

    def start(self) -> None:
        with db.transaction() as tx, raising_unavailable():
            rebuild_lock.exclude_writers(tx)
            if not tx.execute(
                """
                insert into search_build (index_name, holder) values (%s, %s)
                on conflict (one) do update
                    set index_name = excluded.index_name, holder = excluded.holder, renewed_at = now()
                    where search_build.renewed_at < now() - make_interval(secs => %s)
                """,
                (self._name, self._holder, LEASE_SECONDS),
            ):
                raise RebuildUnderWay("Another `wadi reindex` is under way.")
            for left in mapping.behind(client(), mapping.next_alias()):
                client().indices.delete(index=left)  # left by a rebuild that was killed
            mapping.remove_replaced(client())
            mapping.make(client(), self._name, behind=mapping.next_alias())

    def add(self, tx: Transaction, documents: list[Document]) -> None:
        self._renew(tx)
        revision = rebuild_lock.next_revision(tx)
        with raising_unavailable():
            self._send([_action(document, revision) for document in documents])

    def _send(self, actions: list[dict[str, Any]]) -> None:
        from opensearchpy.helpers import bulk

        _, errors = bulk(
            client(),
            actions,
            index=mapping.next_alias(),
            require_alias="true",
            max_chunk_bytes=MAX_REQUEST,
            max_retries=3,  # of documents refused because OpenSearch is overloaded
            raise_on_error=False,
            request_timeout=mapping.SECONDS,
        )
        refused = [error["index"] for error in errors if error["index"]["status"] != 409]  # 409: it has a newer version
        if refused:
            raise Unavailable(f"OpenSearch refused {len(refused)} documents, the first: {refused[0]['error']}")

    def finish(self) -> str:
        alias, upcoming = mapping.alias(), mapping.next_alias()
        with db.transaction() as tx, raising_unavailable():
            rebuild_lock.exclude_writers(tx)
            self._renew(tx)
            client().indices.refresh(index=self._name)
            actions: list[dict[str, Any]] = [
                {"remove": {"index": index, "alias": alias}} for index in mapping.behind(client(), alias)
            ]
            actions.append({"remove": {"index": self._name, "alias": upcoming}})
            actions.append({"add": {"index": self._name, "alias": alias}})
            client().indices.update_aliases(body={"actions": actions}, params=mapping.LONG)
            tx.execute("delete from search_build")
            generation.changed(tx)
        time.sleep(SEARCHED_SECONDS)
        with raising_unavailable():
            mapping.remove_replaced(client())
        return self._name

    def abort(self) -> None:
        with suppress(Unavailable), db.transaction() as tx, raising_unavailable():
            if tx.execute("delete from search_build where holder = %s", (self._holder,)):
                client().indices.delete(index=self._name, params={"ignore_unavailable": "true"})

    def _renew(self, tx: Transaction) -> None:
        """Renews the lease of the rebuild. Raises LeaseLost when it ended and another rebuild took over."""
        if not tx.execute("update search_build set renewed_at = now() where holder = %s", (self._holder,)):
            raise LeaseLost("Another `wadi reindex` took over.")


def _action(document: Document, revision: int) -> dict[str, Any]:
    return {
        "_id": key(document),
        "_source": source(document),
        "version": revision,
        "version_type": "external_gte",
    }
