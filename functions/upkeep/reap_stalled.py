"""Starts again what makes no progress, so that nothing waits for ever.

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
from shared.videos import stalled
from shared.videos.pending_work import remaining_events, unplaced_events
from shared.videos.transitions import fail
from shared.videos.updates import count_attempt

BATCH = 100


@ping_function()
def reap_stalled(context: Context) -> None:
    stalled_after = integer("STALLED_AFTER_SECONDS")
    with context.transaction() as tx:
        nothing_pending = no_pending_deliveries(tx, stalled_after)
        _unfinished(tx, stalled_after, nothing_pending, context)
        _side_branches(tx, stalled_after, nothing_pending)
    remove_abandoned()


def _unfinished(tx: Transaction, stalled_after: int, nothing_pending: Condition, context: Context) -> None:
    """Videos without progress and without a pending delivery: what is missing is asked for again, then they fail."""
    most = integer("MAX_ATTEMPTS")
    for video in stalled.without_progress(tx, stalled_after, nothing_pending, BATCH):
        if video.attempts >= most:
            fail(tx, video.id, f"It made no progress in {most} tries. You can ask for another one.")
            continue
        context.log.warning("video %s made no progress: started again", video.id)
        count_attempt(tx, video.id)
        publish(tx, *remaining_events(tx, video))


def _side_branches(tx: Transaction, stalled_after: int, nothing_pending: Condition) -> None:
    """Replicas, index entries, pictures and subtitles, which a video can be watched without."""
    publish(tx, *unplaced_events(tx, stalled_after, nothing_pending, BATCH))
    for video_id in stalled.not_indexed(tx, stalled_after, nothing_pending, BATCH):
        publish(tx, VideoReady(video_id))
    for video_id in stalled.without_extras(tx, stalled_after, nothing_pending, BATCH):
        publish(tx, VideoPlanned(video_id))
