"""From rows to what the API shows."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from shared.db import Transaction
from shared.media.model import Plan
from shared.runtime.links import absolute
from shared.videos.model import RenditionStatus, Status, Video, VideoChapter
from shared.videos.row import VideoRow
from shared.videos.segments import progress, renditions_of
from shared.videos.state import State


def video_view(row: VideoRow, base_url: str, poster_url: str | None = None) -> Video:
    """`base_url` is how clients reach the gateway."""
    plan = row.plan
    manifests = f"{base_url}/api/videos/{row.id}/manifest"
    return Video(
        id=row.id,
        title=row.title,
        description=row.description,
        tags=row.tags,
        visibility=row.visibility,
        owner_id=row.owner_id,
        state=row.state,
        created_at=row.created_at,
        hls_url=f"{manifests}/master.m3u8",
        dash_url=f"{manifests}/manifest.mpd",
        reason=row.reason or UNSET,
        damage=row.damage or UNSET,
        source_kept=_kept(row),
        duration_s=round(plan.seconds(plan.cuts[-1]), 3) if plan else UNSET,
        chapters=_chapters(plan) if plan and plan.source.chapters else UNSET,
        width=plan.source.width if plan else UNSET,
        height=plan.source.height if plan else UNSET,
        poster_url=absolute(base_url, poster_url) if poster_url else UNSET,
        storyboard_url=f"{manifests}/storyboard.vtt" if row.storyboard else UNSET,
        playable_after_s=_seconds(row.uploaded_at, row.playable_at),
        ready_after_s=_seconds(row.uploaded_at, row.ready_at),
    )


def _chapters(plan: Plan) -> list[VideoChapter]:
    return [VideoChapter(round(each.start, 3), round(each.end, 3), each.title) for each in plan.source.chapters]


def status_view(tx: Transaction, row: VideoRow) -> Status:
    """How far the video is."""
    renditions = []
    if row.plan:
        found = progress(tx, row.id)
        for name in renditions_of(row.plan):
            encoded, placed = (found[name].encoded, found[name].placed) if name in found else (0, 0)
            renditions.append(RenditionStatus(name, encoded, row.plan.segments, placed))
    indexed = row.state is State.READY and row.indexed_at is not None
    return Status(
        id=row.id,
        state=row.state,
        stage="indexed" if indexed else row.state,
        renditions=renditions,
        attempts=row.attempts,
        indexed=indexed,
        reason=row.reason or UNSET,
        damage=row.damage or UNSET,
        source_kept=_kept(row),
        playable_after_s=_seconds(row.uploaded_at, row.playable_at),
        ready_after_s=_seconds(row.uploaded_at, row.ready_at),
        indexed_after_s=_seconds(row.uploaded_at, row.indexed_at),
    )


def _kept(row: VideoRow) -> str | UnsetType:
    if row.source_kept is None:
        return UNSET
    return " ".join(["The uploaded file is kept, because the video may lack something of it.", *row.source_kept])


def _seconds(since: datetime | None, at: datetime | None) -> float | UnsetType:
    return UNSET if at is None or since is None else round((at - since).total_seconds(), 3)
