"""Deletes a video: from now on nobody sees it; its bytes, messages and index entries go in the background."""

from msgspec import Struct

from shared.runtime.function import OWNER, Context, http_function
from shared.videos.deleting import mark_deleted
from shared.videos.kept import kept_answers
from shared.videos.view import AUDIO, plan_of
from shared.videos.visible import own_video


class DeleteVideo(Struct):
    id: str


@http_function("DELETE /api/videos/{id}", access=OWNER)
def delete_video(request: DeleteVideo, context: Context) -> None:
    with context.transaction() as tx:
        # the order in which a completion locks them
        tx.execute("select 1 from upload where video_id = %s order by id for update", (request.id,))
        row = own_video(tx, request.id, context.caller)
        kept = kept_answers(tx.one, request.id, context.caller)
        mark_deleted(tx, request.id)
    plan = plan_of(row)
    renditions = [*(rendition.name for rendition in plan.renditions), AUDIO] if plan else []
    # nobody asks for them any more, and they would go with time
    kept.forget(
        f"manifest:{name}"
        for name in ("master.m3u8", "manifest.mpd", "storyboard.vtt", *(f"{each}.m3u8" for each in renditions))
    )
