"""Begins an upload in parts: where each part is to be sent."""

from msgspec import Struct

from shared.ids import new_id
from shared.runtime.function import CREATOR, Context, Created, http_function
from shared.storage.io.write import on_first
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads import transitions
from shared.uploads.details import check_details, check_size
from shared.uploads.model import Upload, part_size_for, upload_view
from shared.uploads.new_video import insert_video
from shared.uploads.row import source_key


class InitUpload(Struct, forbid_unknown_fields=True):
    """`type` is the media type that the client believes in; what the file really is, is found when it is examined."""

    name: str
    size: int
    type: str | None = None
    title: str | None = None
    description: str = ""
    tags: list[str] = []
    visibility: str = "public"


@http_function("POST /api/uploads", access=CREATOR)
def init_upload(request: InitUpload, context: Context) -> Created[Upload]:
    details = check_details(request.name, request.title, request.description, request.tags, request.visibility)
    size = check_size(request.size)
    upload_id, video_id = new_id(), new_id()
    key, part_size = source_key(upload_id), part_size_for(size)
    with storage_problems(), context.transaction() as tx:
        store, multipart_id = on_first(load(tx), key, size, lambda store: store.multipart.start(key, size, part_size))
        insert_video(tx, video_id, context.caller.user_id, details, size)
        upload = transitions.open_multipart(
            tx,
            upload_id,
            video_id,
            context.caller.user_id,
            node_id=store.id,
            multipart_id=multipart_id,
            name=details.name,
            size=size,
            part_size=part_size,
        )
        return Created(upload_view(upload, store, context.base_url))
