"""Looks for what is left of a deleted video: in every table, every index and on every node."""

from collections.abc import Iterator

from msgspec import Struct

from shared.config import setting
from shared.db import Transaction
from shared.deletion.tables import GONE
from shared.objects import NodeUnavailable, ObjectStore
from shared.storage.nodes.nodes import load


class Remains(Struct):
    """Something that should not be there any more, or that nobody can look at: `where` it is, and `what` it is."""

    video_id: str
    where: str
    what: str


class _Upload(Struct):
    id: str
    object_key: str
    multipart_id: str | None
    state: str
    name: str


class _Waiting(Struct):
    """Objects that wait for their node to answer before they are removed."""

    node_id: str
    objects: int
    trouble: str | None


def find_remains(tx: Transaction, video_id: str) -> Iterator[Remains]:
    uploads = tx.all(
        _Upload, "select id, object_key, multipart_id, state, name from upload where video_id = %s", (video_id,)
    )
    yield from _in_tables(tx, video_id, uploads)
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.count import documents_of

        if count := documents_of(video_id):
            yield Remains(video_id, "OpenSearch", f"{count} documents")
    keys = [upload.object_key for upload in uploads]
    multiparts = {upload.multipart_id for upload in uploads if upload.multipart_id is not None}
    for store in load(tx).all():
        try:
            for what in _on_node(store, video_id, keys, multiparts):
                yield Remains(video_id, f"node {store.id}", what)
        except NodeUnavailable as error:
            yield Remains(video_id, f"node {store.id}", f"it cannot be looked at: {error}")


def _in_tables(tx: Transaction, video_id: str, uploads: list[_Upload]) -> Iterator[Remains]:
    if tx.exists(
        "select from video where id = %s and (title <> '' or description <> '' or tags <> '{}' or plan is not null)",
        (video_id,),
    ):
        yield Remains(video_id, "table video", "its title, description, tags or plan")
    for table in GONE:
        rows = tx.value(int, f"select count(*) from {table} where video_id = %s", (video_id,))  # noqa: S608, ours
        if rows:
            yield Remains(video_id, f"table {table}", f"{rows} rows")
    for upload in uploads:
        if upload.state == "open" or upload.name:
            yield Remains(video_id, "table upload", f"upload {upload.id}")
    for waiting in tx.all(
        _Waiting,
        "select node_id, count(*) as objects, max(trouble) as trouble from removal"
        " where video_id = %s group by node_id",
        (video_id,),
    ):
        tried = waiting.trouble or "not tried yet"
        yield Remains(video_id, f"node {waiting.node_id}", f"{waiting.objects} objects wait for it ({tried})")


def _on_node(store: ObjectStore, video_id: str, keys: list[str], multiparts: set[str]) -> Iterator[str]:
    for prefix in (f"videos/{video_id}/", f"shards/videos/{video_id}/"):
        for each in store.listing(prefix):
            yield each.key
    for key in keys:
        if store.size(key) is not None:
            yield key
    if multiparts:
        for upload in store.multipart.started():
            if upload.id in multiparts:
                yield f"parts of {upload.key}"
