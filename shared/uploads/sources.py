"""When a source may be deleted: its video is ready, and everything that was made from it is durable."""

from msgspec import Struct

from events import SegmentPlaced
from shared.config import setting
from shared.db import Transaction
from shared.outbox import publish
from shared.outbox.pending import no_pending_deliveries
from shared.storage.nodes.nodes import load
from shared.storage.placement.replicate import replicas_wanted
from shared.videos.loss_check import losses
from shared.videos.row import find_video
from shared.videos.segments import encoded_segments
from shared.videos.state import State
from shared.videos.subtitles import subtitles_of
from shared.videos.updates import keep_source

# A video is done with its source when nothing will read it again, whatever is delivered late or twice.
DONE = f"""
    v.state = '{State.READY}' and v.thumbnails_done and v.subtitles_done
    and not exists (select 1 from media_segment s where s.video_id = v.id and s.placed_at is null)
"""  # noqa: S608, all of it is written here


class _Segment(Struct):
    video_id: str
    id: str
    object_key: str


def source_of_done(tx: Transaction, video_id: str) -> str | None:
    """The key of the source of a video that is done with it, or None."""
    return tx.value(
        str,
        f"select v.source_key from video v join object o on o.key = v.source_key where v.id = %s and {DONE}",  # noqa: S608
        (video_id,),
    )


def source_may_go(tx: Transaction, video_id: str) -> bool:
    """Whether SOURCE_POLICY is to delete sources, and this one, of a video that is done with it, has nothing that its
    video lacks. Otherwise the video says why it is kept, and an event tells of it."""
    if setting("SOURCE_POLICY") == "keep":
        return False
    video = find_video(tx, video_id)
    if video is None or video.source_kept is not None:
        return False
    if video.plan is None:
        reasons = ["There is no plan to compare it with."]
    else:
        reasons = losses(video.plan, encoded_segments(tx, video_id), subtitles_of(tx, video_id))
    if reasons:
        keep_source(tx, video_id, reasons)
    return not reasons


def release_now(tx: Transaction, video_id: str) -> None:
    """If the video is done with its source, wakes release_source, after a change to its row that publishes no event.

    Call it after that change, which locks the row: a transaction that makes the video ready at the same time comes
    either before it, and is seen here, or after it, and sees the change.
    """
    if source_of_done(tx, video_id) is None:
        return
    if segment := tx.one(
        _Segment, "select video_id, id, object_key from media_segment where video_id = %s limit 1", (video_id,)
    ):
        publish(tx, SegmentPlaced(segment.video_id, segment.id, segment.object_key))


def release_again(tx: Transaction, after: int, limit: int) -> None:
    """Wakes release_source again for at most `limit` videos that it was told of too early."""
    for segment in _unreleased(tx, after, limit):
        publish(tx, SegmentPlaced(segment.video_id, segment.id, segment.object_key))


def _unreleased(tx: Transaction, after: int, limit: int) -> list[_Segment]:
    """One segment of each video that has been done with its source for `after` seconds and still has it.

    Those that are kept: of the last day, with an object that lacks replicas.
    """
    if setting("SOURCE_POLICY") == "delete":
        # for the planner: few sources are left, so it begins with them and not with all videos
        open_ends = """
            v.source_key in (select key from object where key >= 'sources/' and key < 'sources0')
            and (v.source_kept is null or (v.ready_at > now() - interval '1 day' and exists (
                select 1 from object o where o.video_id = v.id
                and (select count(*) from replica r where r.object_key = o.key) < %(replicas)s)))
        """
    else:
        open_ends = """
            v.ready_at > now() - interval '1 day' and exists (
                select 1 from object o where o.video_id = v.id
                and (select count(*) from replica r where r.object_key = o.key) < %(replicas)s)
        """
    return tx.all(
        _Segment,
        f"""
        select v.id as video_id, s.id, s.object_key
        from video v
        join lateral (select id, object_key from media_segment where video_id = v.id limit 1) s on true
        where {DONE} and v.ready_at < now() - make_interval(secs => %(after)s) and {open_ends}
          and {no_pending_deliveries(tx, after)("v.id")}
        order by v.ready_at limit %(limit)s
        """,  # noqa: S608, all of it is written here
        {"after": after, "limit": limit, "replicas": replicas_wanted(load(tx))},
    )


def pictures(tx: Transaction, video_id: str) -> list[str]:
    """The keys of a video's objects that are neither its source nor belong to its media segments."""
    return tx.values(
        str,
        """
        select key from object o join video v on v.id = o.video_id
        where v.id = %s and key <> v.source_key
          and not exists (select 1 from media_segment s
                          where s.video_id = v.id and (s.object_key = o.key or s.init_key = o.key))
        order by key
        """,
        (video_id,),
    )
