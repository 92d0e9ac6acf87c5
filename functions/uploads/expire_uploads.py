"""Removes what uploads leave behind: those that were never completed, what crashes left on the nodes, and sources that
nobody needs any more."""

import time
from typing import Any

from shared.config import integer
from shared.objects import NodeUnavailable, ObjectStore
from shared.runtime.function import Context, ping_function
from shared.storage.nodes.nodes import Nodes, load
from shared.uploads.sources import release_again
from shared.videos.transitions import abandon

BATCH = 100
CRASHED_AFTER = 24 * 3600  # seconds; nothing that is still alive is so old and unknown
UNRELEASED_AFTER = 60  # seconds; release_source was told before


@ping_function()
def expire_uploads(context: Context) -> None:
    while _expire_some(context):
        pass
    with context.transaction() as tx:
        nodes = load(tx)
        # kept for a while, so that a late client hears "expired" and not "there is none"
        tx.execute(
            "delete from upload where state <> 'open' and closed_at < now() - make_interval(hours => %s)",
            (integer("UPLOAD_EXPIRES_HOURS", minimum=1),),
        )
    for store in nodes.all():
        try:
            _sweep(context, store)
        except NodeUnavailable as error:
            context.log.warning("not swept: %s", error)
    with context.transaction() as tx:
        release_again(tx, UNRELEASED_AFTER, BATCH)


def _expire_some(context: Context) -> bool:
    """Expires a batch; whether there may be more."""
    with context.transaction() as tx:
        nodes = load(tx)
        due = tx.all(
            "select * from upload where state = 'open' and expires_at < now()"
            " order by expires_at limit %s for update skip locked",
            (BATCH,),
        )
        for upload in due:
            _remove(context, nodes, upload)
            tx.execute("update upload set state = 'expired', closed_at = now() where id = %s", (upload["id"],))
            abandon(tx, upload["video_id"])
    return len(due) == BATCH


def _remove(context: Context, nodes: Nodes, upload: dict[str, Any]) -> None:
    """Removes the parts, or what came in one request, whose end a crash has kept from being recorded."""
    key = upload["object_key"]
    try:
        store = nodes.store(upload["node_id"])
        if upload["multipart_id"] is not None:
            store.multipart.forget(key, upload["multipart_id"])
        store.delete(key)
    except NodeUnavailable as error:  # parts are swept when the node is back
        context.log.warning("the bytes of %s stay for now: %s", key, error)


def _sweep(context: Context, store: ObjectStore) -> None:
    """Removes parts of uploads that are not open: their end was decided, and a crash or a dead disk came between."""
    before = time.time() - CRASHED_AFTER
    store.sweep(before)
    found = {multipart.id: multipart for multipart in store.multipart.started() if multipart.started < before}
    with context.transaction() as tx:
        rows = tx.all("select multipart_id from upload where multipart_id = any(%s) and state = 'open'", (list(found),))
    for multipart_id in found.keys() - {row["multipart_id"] for row in rows}:
        store.multipart.forget(found[multipart_id].key, multipart_id)
        context.log.info("removed the forgotten upload %s on %s", multipart_id, store.id)
