"""The table `watched`: the hour in which each video was last watched. Freezing needs no more, and a view within the
same hour writes nothing."""

from events import VideoRecalled
from shared.db import Transaction
from shared.outbox import publish


def note_watched(tx: Transaction, video_id: str) -> None:
    """Notes that the video is watched now. If it is frozen, asks for its replicas to be made again."""
    noted = tx.execute(
        """
        insert into watched (video_id) values (%s) on conflict (video_id) do update set at = now()
        where watched.at <= now() - interval '1 hour'
        """,
        (video_id,),
    )
    if noted and tx.exists(
        "select from object o join shard s on s.object_key = o.key where o.video_id = %s limit 1", (video_id,)
    ):
        publish(tx, VideoRecalled(video_id))


def recall_again(tx: Transaction, limit: int) -> int:
    """Asks again for videos that were watched lately and are still frozen, since the first event may be lost. Returns
    how many there are."""
    videos = tx.values(
        str,
        """
        select video_id from watched w
        where at between now() - interval '1 day' and now() - interval '20 minutes'
          and exists (select 1 from object o join shard s on s.object_key = o.key where o.video_id = w.video_id)
        order by at limit %s
        """,
        (limit,),
    )
    publish(tx, *(VideoRecalled(video) for video in videos))
    return len(videos)


def forget_watched(tx: Transaction, video_id: str) -> None:
    tx.execute("delete from watched where video_id = %s", (video_id,))
