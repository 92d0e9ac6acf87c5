"""Retries a failed video: only what is still missing is done again."""

from msgspec import Struct

from shared.runtime.function import OWNER, Accepted, Context, Problem, http_function
from shared.storage.records import object_exists
from shared.videos.model import Video
from shared.videos.row import own_video
from shared.videos.transitions import retry
from shared.videos.view import video_view


class RetryVideo(Struct):
    id: str


@http_function("POST /api/videos/{id}/retry", access=OWNER)
def retry_video(request: RetryVideo, context: Context) -> Accepted[Video]:
    with context.transaction() as tx:
        video = own_video(tx, request.id, context.caller)
        retried = retry(tx, video)
        if retried is None:
            raise Problem("wrong-state", f"The video is {video.state}: only a failed one can be retried.")
        # raising rolls the retry back
        if video.source_key is None or not object_exists(tx, video.source_key):
            raise Problem("gone", "The uploaded file is no longer here: upload it again.")
        return Accepted(video_view(retried, context.base_url))
