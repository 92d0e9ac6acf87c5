"""A source that comes in one request.

Its row is inserted before the first byte, so that what a crash leaves behind expires like any other upload.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psycopg2

from shared.db import Transaction, Transactions
from shared.errors import Problem
from shared.ids import new_id
from shared.objects import ObjectError, ObjectStore
from shared.storage import ObjectRef, Replica
from shared.storage.io.write import on_first
from shared.storage.nodes.nodes import load
from shared.uploads import transitions
from shared.uploads.row import source_key


class WholeUpload:
    def __init__(self, transaction: Transactions, upload_id: str, store: ObjectStore) -> None:
        self._transaction = transaction
        self._id = upload_id
        self._store = store
        self._key = source_key(upload_id)
        self.video_id = new_id()

    @classmethod
    def begin(cls, transaction: Transactions, owner_id: str, announced: int) -> "WholeUpload":
        """`announced` is the size in bytes that the client gives, or 0. Raises NodeFull, NodeUnavailable."""
        upload_id = new_id()
        with transaction() as tx:
            store, _ = on_first(load(tx), source_key(upload_id), announced, lambda store: store.check())
            upload = cls(transaction, upload_id, store)
            transitions.open_whole(tx, upload_id, upload.video_id, owner_id, node_id=store.id, size=announced)
        return upload

    def receive(self, chunks: Iterable[bytes]) -> Replica:
        """Raises NodeFull, NodeUnavailable, and whatever `chunks` raises."""
        info = self._store.put(self._key, chunks)
        return Replica(ObjectRef(self._key, info.size, info.sha256, video_id=self.video_id), self._store.id)

    def close(self, tx: Transaction, name: str, size: int) -> None:
        """Raises Problem gone."""
        if not transitions.complete_whole(tx, self._id, name=name, size=size):
            raise Problem("gone", "The upload took so long that it has expired. Send the file in parts.")

    @contextmanager
    def aborted_on_error(self) -> Iterator[None]:
        """When the block fails, aborts the upload and deletes what has arrived."""
        try:
            yield
        except BaseException:
            with suppress(ObjectError, psycopg2.Error), self._transaction() as tx:
                self._store.delete(self._key)
                transitions.abort(tx, self._id)
            raise
