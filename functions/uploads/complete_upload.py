"""Completes an upload: its parts become the source of the video, and the chain begins."""

from contextlib import suppress

from msgspec import Struct

from shared.db import Transaction
from shared.objects import ObjectError, ObjectStore
from shared.runtime.function import OWNER, Accepted, Context, Problem, http_function
from shared.storage import ObjectRef, Replica
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads import transitions
from shared.uploads.new_video import source_arrived
from shared.uploads.row import MultipartUpload, State, own_upload
from shared.videos.model import Video
from shared.videos.row import VideoRow, find_video
from shared.videos.view import video_view


class CompleteUpload(Struct):
    id: str


@http_function("POST /api/uploads/{id}/complete", access=OWNER)
def complete_upload(request: CompleteUpload, context: Context) -> Accepted[Video]:
    with storage_problems(), context.transaction() as tx:
        upload = own_upload(tx, request.id, context.caller, lock=True)  # a second one waits here for the first
        store = load(tx).store(upload.node_id)
        video = _video(tx, upload) if upload.state is State.COMPLETED else _complete(tx, upload, store)
        view = video_view(video, context.base_url)
    with suppress(ObjectError):  # expire_uploads removes what is left
        store.multipart.forget(upload.object_key, upload.multipart_id)
    return Accepted(view)


def _complete(tx: Transaction, upload: MultipartUpload, store: ObjectStore) -> VideoRow:
    # Idempotent: a crash before the commit leaves the object and the checksums of the parts, and both give this again.
    info = store.multipart.complete(upload.object_key, upload.multipart_id)
    transitions.complete(tx, upload.id)
    source = ObjectRef(upload.object_key, info.size, info.sha256, info.part_size, upload.video_id)
    return source_arrived(tx, upload.video_id, Replica(source, store.id))


def _video(tx: Transaction, upload: MultipartUpload) -> VideoRow:
    video = find_video(tx, upload.video_id)
    if video is None:
        raise Problem("gone", "The video of this upload was deleted.")
    return video
