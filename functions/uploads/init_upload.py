"""Begins an upload in parts: where each part is to be sent."""

from msgspec import Struct

from shared.config import integer
from shared.ids import new_id
from shared.runtime.function import CREATOR, Context, Created, http_function
from shared.storage.io.write import on_first
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads.details import check_details, check_size
from shared.uploads.model import Upload, part_size_for, upload_view
from shared.uploads.rows import insert_video, source_key


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
        row = tx.one(
            """
            insert into upload
                (id, video_id, owner_id, object_key, node_id, multipart_id, name, size, part_size, expires_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now() + make_interval(hours => %s)) returning *
            """,
            (
                upload_id,
                video_id,
                context.caller.user_id,
                key,
                store.id,
                multipart_id,
                details.name,
                size,
                part_size,
                integer("UPLOAD_EXPIRES_HOURS", minimum=1),
            ),
        )
        assert row is not None
        return Created(upload_view(row, store, context.base_url))
