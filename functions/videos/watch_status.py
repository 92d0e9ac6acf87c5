"""The same as video_status, as a stream: server-sent events, one at once and one at each change, until the last."""

import select
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from shared import db
from shared.runtime.function import PUBLIC, Context, Problem, Response, http_function
from shared.videos.model import Status
from shared.videos.row import visible_video
from shared.videos.view import status_view

KEEP_ALIVE = 15.0  # seconds; proxies close connections that are silent for long


class WatchStatus(Struct):
    id: str


@http_function("GET /api/videos/{id}/status/stream", access=PUBLIC, query_token=True)
def watch_status(request: WatchStatus, context: Context) -> Response:
    _status(request.id, context)  # a problem is answered as a problem, before the stream begins
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(200, _stream(request.id, context), "text/event-stream", headers)


def _status(video_id: str, context: Context) -> Status:
    with context.transaction() as tx:
        return status_view(tx, visible_video(tx, video_id, context.principal))


def _stream(video_id: str, context: Context) -> Iterator[bytes]:
    listener = db.connect(session=True)
    try:
        listener.autocommit = True
        listener.cursor().execute("listen wadi_video")
        last = None
        while True:
            # asked anew after each wake-up, and at least every KEEP_ALIVE: a lost notification delays, no more
            try:
                status = _status(video_id, context)
            except Problem:  # deleted, or made private meanwhile
                return
            if status != last:
                yield b"event: status\ndata: " + msgspec.json.encode(status) + b"\n\n"
                last = status
            if status.final:
                return
            if not _changed(listener, video_id):
                yield b": still here\n\n"
    finally:
        listener.close()


def _changed(listener: db.Connection, video_id: str) -> bool:
    """Waits until the video changes (True), or KEEP_ALIVE seconds (False)."""
    while select.select([listener], [], [], KEEP_ALIVE)[0]:
        listener.poll()
        changed = any(notice.payload == video_id for notice in listener.notifies)
        listener.notifies.clear()
        if changed:
            return True
    return False
