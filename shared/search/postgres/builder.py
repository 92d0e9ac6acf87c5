"""PostgreSQL's index, rebuilt in place: each document is replaced in the transaction that read it."""

from shared import db
from shared.db import Transaction
from shared.search import generation
from shared.search.base import Document
from shared.search.builder import IndexBuilder
from shared.search.document import VERSION
from shared.search.postgres.index import PostgresIndex


class PostgresBuilder(IndexBuilder):
    def is_outdated(self, tx: Transaction) -> bool:
        return tx.exists("select from search_document where version < %s", (VERSION,))

    def start(self) -> None:
        pass

    def add(self, tx: Transaction, documents: list[Document]) -> None:
        PostgresIndex(tx).put_all(documents)

    def finish(self) -> str:
        with db.transaction() as tx:
            tx.execute(
                """
                delete from search_document d
                where not exists (select 1 from video v where v.id = d.video_id and v.state <> 'deleted')
                   or kind = 'message' and not exists (select 1 from message m where m.id = d.id)
                """
            )
            generation.changed(tx)
        return "search_document"

    def abort(self) -> None:
        pass
