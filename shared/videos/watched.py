"""When videos were watched: by the hour, which is all that freezing wants to know, and costs a view nothing."""

from events import VideoRecalled
from shared.db import Transaction
from shared.outbox import publish


def note_watched(tx: Transaction, video_id: str) -> None:
    """Notes that the video is watched now; if it is frozen, its replicas are to come back."""
    noted = tx.execute(
        """
        insert into watched (video_id) values (%s) on conflict (video_id) do update set at = now()
        where watched.at <= now() - interval '1 hour'
        """,
        (video_id,),
    )
    if noted and tx.one(
        "select 1 as so from object o join shard s on s.object_key = o.key where o.video_id = %s limit 1", (video_id,)
    ):
        publish(tx, VideoRecalled(video_id))


def recall_again(tx: Transaction, limit: int) -> int:
    """Asks again for videos that were watched lately and are frozen still: nobody may have heard of it."""
    rows = tx.all(
        """
        select video_id from watched w
        where at between now() - interval '1 day' and now() - interval '20 minutes'
          and exists (select 1 from object o join shard s on s.object_key = o.key where o.video_id = w.video_id)
        order by at limit %s
        """,
        (limit,),
    )
    for row in rows:
        publish(tx, VideoRecalled(row["video_id"]))
    return len(rows)
