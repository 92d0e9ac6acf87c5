"""Removes what is left of deleted videos, then looks everywhere and says what is left all the same."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.deletion.audit import Remains, find_remains
from shared.deletion.delete import remove_contents
from shared.errors import Unavailable
from shared.runtime.function import ADMIN, Context, Problem, http_function
from shared.videos.row import deleted_videos, state_of
from shared.videos.state import State


class PurgeVideos(Struct, forbid_unknown_fields=True):
    """`id`: of one video; else of all that were deleted, in pages: `after` is `next` of the page before."""

    id: str | None = None
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Purged(Struct):
    """Whose ids were looked for, and what is left of them."""

    videos: list[str]
    left: list[Remains]
    next: str | None


@http_function("POST /api/videos/purge", access=ADMIN)
def purge_videos(request: PurgeVideos, context: Context) -> Purged:
    ids = [_deleted(context, request.id)] if request.id is not None else _page(context, request)
    left: list[Remains] = []
    for video_id in ids:
        try:
            remove_contents(context.transaction, video_id)
        except Unavailable as error:
            left.append(Remains(video_id, "the search index", f"it cannot be looked at: {error}"))
            continue
        with context.transaction() as tx:
            left += find_remains(tx, video_id)
    full = request.id is None and len(ids) == request.limit
    return Purged(ids, left, ids[-1] if full else None)


def _deleted(context: Context, video_id: str) -> str:
    with context.transaction() as tx:
        state = state_of(tx, video_id)
    if state is None:
        raise Problem("not-found", f"There is no video {video_id}, nor was one deleted that had a source.")
    if state is not State.DELETED:
        raise Problem("wrong-state", "The video is not deleted: delete it first.")
    return video_id


def _page(context: Context, request: PurgeVideos) -> list[str]:
    with context.transaction() as tx:
        return deleted_videos(tx, request.after, request.limit)
