"""One video."""

from msgspec import Struct

from shared.runtime.function import PUBLIC, Context, http_function
from shared.storage import signed_url
from shared.videos.model import Video
from shared.videos.view import video_view
from shared.videos.visible import visible_video


class GetVideo(Struct):
    id: str


@http_function("GET /api/videos/{id}", access=PUBLIC)
def get_video(request: GetVideo, context: Context) -> Video:
    with context.transaction() as tx:
        row = visible_video(tx, request.id, context.principal)
        poster = signed_url(tx, row["poster_key"]) if row["poster_key"] else None
        return video_view(row, context.base_url, poster)
