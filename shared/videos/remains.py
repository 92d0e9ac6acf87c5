"""What is left of a deleted video: every table, every index and every node is looked into."""

from collections.abc import Iterator

from msgspec import Struct

from shared.config import setting
from shared.db import Transaction
from shared.objects import NodeUnavailable, ObjectStore
from shared.storage.nodes.nodes import load
from shared.videos.tables import GONE


class Remains(Struct):
    """Something that should not be there any more, or that nobody can look at: `where` it is, and `what` it is."""

    video_id: str
    where: str
    what: str


def remains(tx: Transaction, video_id: str) -> Iterator[Remains]:
    row = tx.one("select title, description, tags, plan is null as planless from video where id = %s", (video_id,))
    if row and (row["title"] or row["description"] or row["tags"] or not row["planless"]):
        yield Remains(video_id, "table video", "its title, description, tags or plan")
    for table in GONE:
        found = tx.one(f"select count(*) as rows from {table} where video_id = %s", (video_id,))  # noqa: S608, ours
        if found and found["rows"]:
            yield Remains(video_id, f"table {table}", f"{found['rows']} rows")
    uploads = tx.all("select id, object_key, multipart_id, state, name from upload where video_id = %s", (video_id,))
    for upload in uploads:
        if upload["state"] == "open" or upload["name"]:
            yield Remains(video_id, "table upload", f"upload {upload['id']}")
    for note in tx.all(
        "select node_id, count(*) as notes, max(trouble) as trouble from removal where video_id = %s group by node_id",
        (video_id,),
    ):
        yield Remains(
            video_id,
            f"node {note['node_id']}",
            f"{note['notes']} objects wait for it ({note['trouble'] or 'not tried yet'})",
        )
    if setting("OPENSEARCH_URL"):
        from shared.search.opensearch.count import documents_of

        if count := documents_of(video_id):
            yield Remains(video_id, "OpenSearch", f"{count} documents")
    keys = [upload["object_key"] for upload in uploads]
    parts = {upload["multipart_id"] for upload in uploads} - {None}
    for store in load(tx).all():
        try:
            for what in _on_node(store, video_id, keys, parts):
                yield Remains(video_id, f"node {store.id}", what)
        except NodeUnavailable as error:
            yield Remains(video_id, f"node {store.id}", f"it cannot be looked at: {error}")


def _on_node(store: ObjectStore, video_id: str, keys: list[str], parts: set[str]) -> Iterator[str]:
    for prefix in (f"videos/{video_id}/", f"shards/videos/{video_id}/"):
        for each in store.listing(prefix):
            yield each.key
    for key in keys:
        if store.size(key) is not None:
            yield key
    if parts:
        for upload in store.multipart.started():
            if upload.id in parts:
                yield f"parts of {upload.key}"
