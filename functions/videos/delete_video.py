"""Deletes a video: from now on nobody sees it; its bytes, messages and index entries are removed in the background."""

from msgspec import Struct

from shared.deletion.delete import mark_deleted
from shared.runtime.function import OWNER, Context, http_function
from shared.uploads.row import lock_uploads
from shared.videos.response_cache import response_cache
from shared.videos.row import own_video
from shared.videos.segments import renditions_of


class DeleteVideo(Struct):
    id: str


@http_function("DELETE /api/videos/{id}", access=OWNER)
def delete_video(request: DeleteVideo, context: Context) -> None:
    with context.transaction() as tx:
        lock_uploads(tx, request.id)  # before the video, as the completion of an upload does
        video = own_video(tx, request.id, context.caller)
        cache = response_cache(tx.one, request.id, context.caller)
        mark_deleted(tx, request.id)
    renditions = renditions_of(video.plan) if video.plan else []
    # nobody asks for them any more; left alone they would expire
    cache.forget(
        f"manifest:{name}"
        for name in ("master.m3u8", "manifest.mpd", "storyboard.vtt", *(f"{each}.m3u8" for each in renditions))
    )
