"""Videos that wait for something although no delivery of an event about them is pending."""

from shared.db import Transaction
from shared.outbox.pending import Condition
from shared.videos.row import VideoRow
from shared.videos.state import State
from shared.videos.transitions import UNFINISHED


def without_progress(tx: Transaction, after: int, nothing_pending: Condition, limit: int) -> list[VideoRow]:
    """Unfinished videos whose last progress was `after` seconds ago, locked; those that somebody has locked already
    are left out."""
    return tx.all(
        VideoRow,
        f"""
        select * from video v
        where state in %s and updated_at < now() - make_interval(secs => %s) and {nothing_pending("v.id")}
        order by updated_at limit %s for update skip locked
        """,  # noqa: S608, all of it is written here
        (UNFINISHED, after, limit),
    )


def not_indexed(tx: Transaction, after: int, nothing_pending: Condition, limit: int) -> list[str]:
    """Videos that are not in the search index `after` seconds after they were ready."""
    return tx.values(
        str,
        f"""
        select id from video v
        where state = %s and indexed_at is null
          and ready_at < now() - make_interval(secs => %s) and {nothing_pending("v.id")} limit %s
        """,  # noqa: S608, as above
        (State.READY, after, limit),
    )


def not_emptied(tx: Transaction, after: int, limit: int) -> list[str]:
    """Deleted videos of which something is left `after` seconds after they were deleted."""
    return tx.values(
        str,
        "select id from video where deleted_at < now() - make_interval(secs => %s) and emptied_at is null"
        " order by deleted_at limit %s",
        (after, limit),
    )


def without_extras(tx: Transaction, after: int, nothing_pending: Condition, limit: int) -> list[str]:
    """Videos without pictures, or without their subtitles, `after` seconds after they were planned."""
    return tx.values(
        str,
        f"""
        select id from video v
        where plan is not null and (not thumbnails_done or not subtitles_done) and state <> %s
          and planned_at < now() - make_interval(secs => %s) and {nothing_pending("v.id")} limit %s
        """,  # noqa: S608, as above
        (State.FAILED, after, limit),
    )
