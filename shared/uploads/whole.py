"""A source that comes in one request.

It has a row from its beginning, so that whatever a crash leaves of it expires like any other upload.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psycopg2

from shared.config import integer
from shared.db import Transaction, Transactions
from shared.errors import Problem
from shared.ids import new_id
from shared.objects import ObjectError, ObjectStore
from shared.storage import ObjectRef, Replica
from shared.storage.io.write import on_first
from shared.storage.nodes.nodes import load
from shared.uploads.rows import source_key


class WholeUpload:
    def __init__(self, transaction: Transactions, upload_id: str, store: ObjectStore) -> None:
        self._transaction = transaction
        self._id = upload_id
        self._store = store
        self._key = source_key(upload_id)
        self.video_id = new_id()

    @classmethod
    def begin(cls, transaction: Transactions, owner_id: str, announced: int) -> "WholeUpload":
        """Raises NodeFull, NodeUnavailable."""
        upload_id = new_id()
        with transaction() as tx:
            store, _ = on_first(load(tx), source_key(upload_id), announced, lambda store: store.check())
            upload = cls(transaction, upload_id, store)
            tx.execute(
                "insert into upload (id, video_id, owner_id, object_key, node_id, name, size, expires_at)"
                " values (%s, %s, %s, %s, %s, '', %s, now() + make_interval(hours => %s))",
                (
                    upload_id,
                    upload.video_id,
                    owner_id,
                    upload._key,
                    upload._store.id,
                    announced,
                    integer("UPLOAD_EXPIRES_HOURS", minimum=1),
                ),
            )
        return upload

    def receive(self, chunks: Iterable[bytes]) -> Replica:
        """Raises NodeFull, NodeUnavailable, and whatever `chunks` raises."""
        info = self._store.put(self._key, chunks)
        return Replica(ObjectRef(self._key, info.size, info.sha256, video_id=self.video_id), self._store.id)

    def close(self, tx: Transaction, name: str, size: int) -> None:
        """Raises Problem gone."""
        if not tx.execute(
            "update upload set state = 'completed', closed_at = now(), name = %s, size = %s"
            " where id = %s and state = 'open'",
            (name, size, self._id),
        ):
            raise Problem("gone", "The upload took so long that it has expired. Send the file in parts.")

    @contextmanager
    def given_up_on_error(self) -> Iterator[None]:
        """Removes what came when the block fails."""
        try:
            yield
        except BaseException:
            with suppress(ObjectError, psycopg2.Error), self._transaction() as tx:
                self._store.delete(self._key)
                tx.execute("update upload set state = 'aborted', closed_at = now() where id = %s", (self._id,))
            raise
