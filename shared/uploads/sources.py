"""When a source may go: its video is ready, and everything that was made from it is durable."""

from typing import Any

from events import SegmentPlaced
from shared.config import ConfigError, setting
from shared.db import Transaction
from shared.outbox import publish
from shared.outbox.pending import no_pending_deliveries
from shared.storage.nodes.nodes import load
from shared.storage.placement.replicate import replicas_wanted

# A video is done with its source when nothing will read it again, whatever is delivered late or twice.
DONE = """
    v.state = 'ready' and v.thumbnails_done
    and not exists (select 1 from media_segment s where s.video_id = v.id and s.placed_at is null)
"""


def policy() -> str:
    """SOURCE_POLICY. Raises ConfigError."""
    value = setting("SOURCE_POLICY")
    if value not in ("delete", "keep"):
        raise ConfigError(f"SOURCE_POLICY={value!r} is unknown: delete or keep.")
    return value


def source_of_done(tx: Transaction, video_id: str) -> str | None:
    """The key of the source of a video that is done with it, or None."""
    row = tx.one(
        f"select v.source_key from video v join object o on o.key = v.source_key where v.id = %s and {DONE}",  # noqa: S608
        (video_id,),
    )
    return row["source_key"] if row else None


def release_now(tx: Transaction, video_id: str) -> None:
    """Tells release_source, if the video is done, of a change to its row that no event tells of.

    After that change: whoever makes the video ready meanwhile has waited for the row, or was waited for here.
    """
    if source_of_done(tx, video_id) is None:
        return
    if segment := tx.one("select id, object_key from media_segment where video_id = %s limit 1", (video_id,)):
        publish(tx, SegmentPlaced(video_id, segment["id"], segment["object_key"]))


def release_again(tx: Transaction, after: int, limit: int) -> None:
    """What release_source was told of too early, it is told again."""
    for row in _unreleased(tx, after, limit):
        publish(tx, SegmentPlaced(row["video_id"], row["segment_id"], row["object_key"]))


def _unreleased(tx: Transaction, after: int, limit: int) -> list[dict[str, Any]]:
    """Videos that are done with their source since `after` seconds and have it still, each with one of its segments.

    With SOURCE_POLICY=keep: those of the last day with an object that lacks replicas.
    """
    if policy() == "delete":
        # from the few sources that are left to their videos, not from all videos to their sources
        open_ends = "v.source_key in (select key from object where key >= 'sources/' and key < 'sources0')"
    else:
        open_ends = """
            v.ready_at > now() - interval '1 day' and exists (
                select 1 from object o where o.video_id = v.id
                and (select count(*) from replica r where r.object_key = o.key) < %(replicas)s)
        """
    return tx.all(
        f"""
        select v.id as video_id, s.id as segment_id, s.object_key
        from video v
        join lateral (select id, object_key from media_segment where video_id = v.id limit 1) s on true
        where {DONE} and v.ready_at < now() - make_interval(secs => %(after)s) and {open_ends}
          and {no_pending_deliveries(tx, after)("v.id")}
        order by v.ready_at limit %(limit)s
        """,  # noqa: S608, all of it is written here
        {"after": after, "limit": limit, "replicas": replicas_wanted(load(tx))},
    )


def pictures(tx: Transaction, video_id: str) -> list[str]:
    """The objects of a video that are neither its source nor of its media segments."""
    rows = tx.all(
        """
        select key from object o join video v on v.id = o.video_id
        where v.id = %s and key <> v.source_key
          and not exists (select 1 from media_segment s
                          where s.video_id = v.id and (s.object_key = o.key or s.init_key = o.key))
        order by key
        """,
        (video_id,),
    )
    return [row["key"] for row in rows]
