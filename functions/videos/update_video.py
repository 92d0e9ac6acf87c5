"""Changes what a video is called, what is said of it, and who may see it."""

from msgspec import UNSET, Struct, UnsetType

from events import VideoUpdated
from shared.outbox import publish
from shared.runtime.function import OWNER, Context, http_function
from shared.storage import signed_url
from shared.uploads.details import check_details
from shared.videos.model import Video
from shared.videos.view import video_view
from shared.videos.visible import own_video


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
        row = own_video(tx, request.id, context.caller)
        details = check_details(
            row["source_name"] or row["title"],
            row["title"] if request.title is UNSET else request.title,
            row["description"] if request.description is UNSET else request.description,
            row["tags"] if request.tags is UNSET else request.tags,
            row["visibility"] if request.visibility is UNSET else request.visibility,
        )
        wanted = (details.title, details.description, details.tags, details.visibility)
        if wanted != (row["title"], row["description"], row["tags"], row["visibility"]):
            changed = tx.one(
                "update video set title = %s, description = %s, tags = %s, visibility = %s where id = %s returning *",
                (*wanted, request.id),
            )
            assert changed is not None, "own_video holds its lock"
            row = changed
            publish(tx, VideoUpdated(request.id))
        poster = signed_url(tx, row["poster_key"]) if row["poster_key"] else None
        return video_view(row, context.base_url, poster)
