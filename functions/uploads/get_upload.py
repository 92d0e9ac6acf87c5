"""Tells which parts of an upload have arrived, so that a client can go on after any break."""

from msgspec import Struct

from shared.runtime.function import OWNER, Context, http_function
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads.model import Upload, upload_view
from shared.uploads.row import own_upload


class GetUpload(Struct):
    id: str


@http_function("GET /api/uploads/{id}", access=OWNER)
def get_upload(request: GetUpload, context: Context) -> Upload:
    with storage_problems(), context.transaction() as tx:
        upload = own_upload(tx, request.id, context.caller)
        return upload_view(upload, load(tx).store(upload.node_id), context.base_url)
