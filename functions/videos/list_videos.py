"""Public videos that can be watched, the newest first; with owner=me, all of one's own in any state."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.runtime.function import PUBLIC, Context, Problem, http_function
from shared.storage import signed_urls
from shared.videos.model import Video
from shared.videos.row import VideoRow
from shared.videos.view import video_view
from shared.videos.visibility import LISTED, LISTED_AS_OWN


class ListVideos(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | None = None  # `next` of the page before: an id of a video
    owner: Literal["me"] | None = None


class VideoPage(Struct, omit_defaults=True):
    videos: list[Video]
    next: str | UnsetType = UNSET


@http_function("GET /api/videos", access=PUBLIC)
def list_videos(request: ListVideos, context: Context) -> VideoPage:
    caller = context.principal
    if request.owner and caller is None:
        raise Problem("not-authenticated", "owner=me needs an access token.", headers={"WWW-Authenticate": "Bearer"})
    rule = LISTED_AS_OWN if request.owner else LISTED
    with context.transaction() as tx:
        rows = tx.all(
            VideoRow,
            # each rule has an index in this order; ids are UUIDv7, which sort by the time they were made
            f"select * from video where {rule.sql}"  # noqa: S608, a rule of ours
            " and (%(cursor)s::text is null or id < %(cursor)s) order by id desc limit %(limit)s",
            {**rule.params(caller), "cursor": request.cursor, "limit": request.limit + 1},
        )
        page = rows[: request.limit]
        posters = signed_urls(tx, [row.poster_key for row in page if row.poster_key])
    videos = [video_view(row, context.base_url, posters.get(row.poster_key or "")) for row in page]
    return VideoPage(videos, page[-1].id if len(rows) > request.limit else UNSET)
