"""Takes up again what makes no progress, so that nothing waits for ever.

Deliveries are retried by their source; this is for what is left when a delivery itself was lost: a dead letter for a
side branch, a topic that was deleted, a database restored from a backup.
"""

from events import VideoPlanned, VideoReady
from shared.config import integer
from shared.db import Transaction
from shared.outbox import publish
from shared.outbox.pending import Condition, no_pending_deliveries
from shared.runtime.function import Context, ping_function
from shared.runtime.workspace import remove_abandoned
from shared.videos.work import UNFINISHED, encoded_segments, fail, remaining_work

BATCH = 100


@ping_function()
def reap_stalled(context: Context) -> None:
    stalled_after = integer("STALLED_AFTER_SECONDS", minimum=1)
    with context.transaction() as tx:
        settled = no_pending_deliveries(tx, stalled_after)
        _unfinished(tx, stalled_after, settled, context)
        _side_branches(tx, stalled_after, settled)
    remove_abandoned()


def _unfinished(tx: Transaction, stalled_after: int, settled: Condition, context: Context) -> None:
    """Videos without progress and without anybody at work: what is missing is asked for again, then they fail."""
    most = integer("MAX_ATTEMPTS", minimum=1)
    for video in tx.all(
        f"""
        select * from video v
        where state in %s and updated_at < now() - make_interval(secs => %s) and {settled("v.id")}
        order by updated_at limit %s for update skip locked
        """,  # noqa: S608, all of it is written here
        (UNFINISHED, stalled_after, BATCH),
    ):
        if video["attempts"] >= most:
            fail(tx, video["id"], f"It made no progress in {most} tries. You can ask for another one.")
            continue
        context.log.warning("video %s made no progress: taken up again", video["id"])
        tx.execute("update video set attempts = attempts + 1, updated_at = now() where id = %s", (video["id"],))
        publish(tx, *remaining_work(tx, video))


def _side_branches(tx: Transaction, stalled_after: int, settled: Condition) -> None:
    not_placed = f"placed_at is null and encoded_at < now() - make_interval(secs => %s) and {settled('s.video_id')}"
    publish(tx, *encoded_segments(tx, not_placed, (stalled_after,), BATCH))
    for video in tx.all(
        f"""
        select id from video v
        where state = 'ready' and indexed_at is null
          and ready_at < now() - make_interval(secs => %s) and {settled("v.id")} limit %s
        """,  # noqa: S608, as above
        (stalled_after, BATCH),
    ):
        publish(tx, VideoReady(video["id"]))
    for video in tx.all(
        f"""
        select id from video v
        where plan is not null and not thumbnails_done and state <> 'failed'
          and planned_at < now() - make_interval(secs => %s) and {settled("v.id")} limit %s
        """,  # noqa: S608, as above
        (stalled_after, BATCH),
    ):
        publish(tx, VideoPlanned(video["id"]))
