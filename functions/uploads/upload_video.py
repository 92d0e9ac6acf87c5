"""Takes a whole file in one request: a form with the field `file`, or the file itself as the body."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct
from werkzeug.exceptions import ClientDisconnected

from shared.config import integer
from shared.runtime.function import CREATOR, Accepted, Context, Problem, http_function
from shared.storage.problems import storage_problems
from shared.uploads.details import Details, check_details, check_size
from shared.uploads.form import MAX_BUFFER, Form
from shared.uploads.new_video import insert_video, source_arrived
from shared.uploads.whole import WholeUpload
from shared.videos.model import Video
from shared.videos.view import video_view

CHUNK = 1024 * 1024


class UploadVideo(Struct, forbid_unknown_fields=True):
    """What the query string tells of the file; the fields of a form may tell it too."""

    name: str = ""
    title: str | None = None
    description: str = ""
    tags: list[str] = []
    visibility: str = "public"


@http_function("POST /api/videos/upload", access=CREATOR, raw_body=True)
def upload_video(request: UploadVideo, context: Context) -> Accepted[Video]:
    announced = int(context.headers.get("Content-Length") or 0)
    if announced > MAX_BUFFER:
        check_size(announced - MAX_BUFFER)  # a form is a little longer than its file
    with _whole_body():
        form = _form(context)
        if form is None:
            _check(request)  # what can be refused before the bytes come, is
        else:
            request = msgspec.structs.replace(request, name=request.name or form.file_name())
    with storage_problems():
        upload = WholeUpload.begin(context.transaction, context.caller.user_id, announced)
        with upload.aborted_on_error(), _whole_body():
            stored = upload.receive(_limited(form.file_chunks() if form else _raw_chunks(context)))
            check_size(stored.object.size)
            if form is not None:
                form.finish()
                request = _with_fields(request, form.fields)
            details = _check(request)
        with context.transaction() as tx:
            upload.close(tx, details.name, stored.object.size)
            insert_video(tx, upload.video_id, context.caller.user_id, details, stored.object.size)
            return Accepted(video_view(source_arrived(tx, upload.video_id, stored), context.base_url))


def _form(context: Context) -> Form | None:
    content_type = context.headers.get("Content-Type", "")
    return Form(context.stream, content_type) if content_type.lower().startswith("multipart/form-data") else None


def _check(request: UploadVideo) -> Details:
    return check_details(request.name, request.title, request.description, request.tags, request.visibility)


def _raw_chunks(context: Context) -> Iterator[bytes]:
    """The body. The server does not tell a connection that broke from a body that ended: the length does."""
    size = 0
    while data := context.stream.read(CHUNK):
        size += len(data)
        yield data
    if "Content-Length" in context.headers and size != int(context.headers["Content-Length"]):
        raise ClientDisconnected


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Ends with Problem too-large as soon as the file is: its length need not have been announced."""
    size, largest = 0, integer("MAX_UPLOAD_BYTES")
    for chunk in chunks:
        size += len(chunk)
        if size > largest:
            check_size(size)
        yield chunk


def _with_fields(request: UploadVideo, fields: list[tuple[str, str]]) -> UploadVideo:
    told: dict[str, str | list[str]] = {}
    for name, value in fields:
        if name not in UploadVideo.__struct_fields__:
            raise Problem(
                "invalid-request",
                f"{name}: This field is unknown.",
                errors=[{"field": name, "message": "This field is unknown."}],
            )
        if name == "tags":
            told["tags"] = [*told.get("tags", []), *value.split(",")]
        else:
            told[name] = value
    return msgspec.structs.replace(request, **told)


@contextmanager
def _whole_body() -> Iterator[None]:
    try:
        yield
    except (ClientDisconnected, OSError) as error:
        raise Problem("invalid-request", "The connection broke before the whole file had arrived.") from error
