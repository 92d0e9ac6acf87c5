"""How far a video is: its stage, the progress of every rendition, and why it failed."""

from msgspec import Struct

from shared.runtime.function import PUBLIC, Context, http_function
from shared.videos.model import Status
from shared.videos.row import visible_video
from shared.videos.view import status_view


class VideoStatus(Struct):
    id: str


@http_function("GET /api/videos/{id}/status", access=PUBLIC)
def video_status(request: VideoStatus, context: Context) -> Status:
    with context.transaction() as tx:
        return status_view(tx, visible_video(tx, request.id, context.principal))
