"""Aborts an upload: its parts and its video are deleted."""

from msgspec import Struct

from shared.runtime.function import OWNER, Context, Problem, http_function
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads import transitions
from shared.uploads.row import State, own_upload
from shared.videos.transitions import abandon


class AbortUpload(Struct):
    id: str


@http_function("DELETE /api/uploads/{id}", access=OWNER)
def abort_upload(request: AbortUpload, context: Context) -> None:
    with storage_problems(), context.transaction() as tx:
        upload = own_upload(tx, request.id, context.caller, lock=True)
        if upload.state is State.COMPLETED:
            raise Problem("wrong-state", "The upload is complete: there is a video now.")
        store = load(tx).store(upload.node_id)
        store.multipart.forget(upload.object_key, upload.multipart_id)
        store.delete(upload.object_key)  # made by a completion that crashed before its commit
        transitions.abort(tx, upload.id)
        abandon(tx, upload.video_id)
