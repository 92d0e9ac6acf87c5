"""Changes the title, description, tags and visibility of a video."""

from msgspec import UNSET, Struct, UnsetType

from events import VideoUpdated
from shared.outbox import publish
from shared.runtime.function import OWNER, Context, http_function
from shared.storage import signed_url
from shared.uploads.details import check_details
from shared.videos.model import Video
from shared.videos.row import own_video
from shared.videos.updates import change_details
from shared.videos.view import video_view


class UpdateVideo(Struct, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    id: str
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    visibility: str | UnsetType = UNSET


@http_function("PATCH /api/videos/{id}", access=OWNER)
def update_video(request: UpdateVideo, context: Context) -> Video:
    with context.transaction() as tx:
        video = own_video(tx, request.id, context.caller)
        details = check_details(
            video.source_name or video.title,
            video.title if request.title is UNSET else request.title,
            video.description if request.description is UNSET else request.description,
            video.tags if request.tags is UNSET else request.tags,
            video.visibility if request.visibility is UNSET else request.visibility,
        )
        wanted = (details.title, details.description, details.tags, details.visibility)
        if wanted != (video.title, video.description, video.tags, video.visibility):
            video = change_details(tx, video, *wanted)
            publish(tx, VideoUpdated(request.id))
        poster = signed_url(tx, video.poster_key) if video.poster_key else None
        return video_view(video, context.base_url, poster)
