"""Takes up a failed video again, with what is still missing of it."""

from msgspec import Struct

from shared.outbox import publish
from shared.runtime.function import OWNER, Accepted, Context, Problem, http_function
from shared.videos.model import Video
from shared.videos.view import plan_of, video_view
from shared.videos.visible import own_video
from shared.videos.work import can_play, remaining_work


class RetryVideo(Struct):
    id: str


@http_function("POST /api/videos/{id}/retry", access=OWNER)
def retry_video(request: RetryVideo, context: Context) -> Accepted[Video]:
    with context.transaction() as tx:
        row = own_video(tx, request.id, context.caller)
        if row["state"] != "failed":
            raise Problem("wrong-state", f"The video is {row['state']}: only a failed one can be retried.")
        if not tx.one("select 1 as one from object where key = %s", (row["source_key"],)):
            raise Problem("gone", "The uploaded file is no longer here: upload it again.")
        plan = plan_of(row)
        state = "uploaded" if plan is None else "playable" if can_play(tx, row["id"], plan) else "planned"
        taken_up = tx.one(
            "update video set state = %s, reason = null, failed_at = null, attempts = 0, updated_at = now()"
            " where id = %s returning *",
            (state, row["id"]),
        )
        assert taken_up is not None, "own_video holds its lock"
        work = remaining_work(tx, taken_up)
        publish(tx, *work)
        return Accepted(video_view(taken_up, context.base_url))
