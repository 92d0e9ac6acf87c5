"""One video."""

from msgspec import Struct

from shared.runtime.function import PUBLIC, Context, http_function
from shared.storage import signed_url
from shared.videos.model import Video
from shared.videos.row import visible_video
from shared.videos.view import video_view


class GetVideo(Struct):
    id: str


@http_function("GET /api/videos/{id}", access=PUBLIC)
def get_video(request: GetVideo, context: Context) -> Video:
    with context.transaction() as tx:
        video = visible_video(tx, request.id, context.principal)
        poster = signed_url(tx, video.poster_key) if video.poster_key else None
        return video_view(video, context.base_url, poster)
