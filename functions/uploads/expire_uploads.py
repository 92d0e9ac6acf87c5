"""Removes what uploads leave behind: those that were never completed, what crashes left on the nodes, and sources that
are no longer needed."""

import time

from shared.objects import NodeUnavailable, ObjectStore
from shared.runtime.function import Context, ping_function
from shared.storage.nodes.nodes import Nodes, load
from shared.uploads import transitions
from shared.uploads.row import DueUpload, lock_due, open_multiparts
from shared.uploads.sources import release_again
from shared.videos.transitions import abandon

BATCH = 100
CRASHED_AFTER = 24 * 3600  # seconds; older than any request that may still be running
UNRELEASED_AFTER = 60  # seconds; release_source was told before


@ping_function()
def expire_uploads(context: Context) -> None:
    while _expire_some(context):
        pass
    with context.transaction() as tx:
        nodes = load(tx)
        transitions.delete_closed(tx)
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
        due = lock_due(tx, BATCH)
        for upload in due:
            _remove(context, nodes, upload)
            transitions.expire(tx, upload.id)
            abandon(tx, upload.video_id)
    return len(due) == BATCH


def _remove(context: Context, nodes: Nodes, upload: DueUpload) -> None:
    """Removes the parts, or the object of an upload in one request that crashed before its commit."""
    key = upload.object_key
    try:
        store = nodes.store(upload.node_id)
        if upload.multipart_id is not None:
            store.multipart.forget(key, upload.multipart_id)
        store.delete(key)
    except NodeUnavailable as error:  # parts are swept when the node is back
        context.log.warning("the bytes of %s stay for now: %s", key, error)


def _sweep(context: Context, store: ObjectStore) -> None:
    """Removes parts of uploads that are closed: a crash or a dead disk kept them from being removed then."""
    before = time.time() - CRASHED_AFTER
    store.sweep(before)
    found = {multipart.id: multipart for multipart in store.multipart.started() if multipart.started < before}
    with context.transaction() as tx:
        still_open = open_multiparts(tx, list(found))
    for multipart_id in found.keys() - still_open:
        store.multipart.forget(found[multipart_id].key, multipart_id)
        context.log.info("removed the forgotten upload %s on %s", multipart_id, store.id)
