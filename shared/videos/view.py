"""From rows to what the API shows."""

from datetime import datetime
from typing import Any
from urllib.parse import urljoin

import msgspec
from msgspec import UNSET, UnsetType

from shared.db import Transaction
from shared.media.model import Plan
from shared.videos.model import RenditionStatus, Status, Video

AUDIO = "audio"


def plan_of(row: dict[str, Any]) -> Plan | None:
    """The plan of a video's row."""
    return msgspec.convert(row["plan"], Plan) if row["plan"] is not None else None


def video_view(row: dict[str, Any], base_url: str, poster_url: str | None = None) -> Video:
    """`row` is a row of `video`; `base_url` how clients reach the gateway."""
    plan = plan_of(row)
    manifests = f"{base_url}/api/videos/{row['id']}/manifest"
    return Video(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        tags=row["tags"],
        visibility=row["visibility"],
        owner_id=row["owner_id"],
        state=row["state"],
        created_at=row["created_at"],
        hls_url=f"{manifests}/master.m3u8",
        dash_url=f"{manifests}/manifest.mpd",
        reason=row["reason"] or UNSET,
        duration_s=round(plan.seconds(plan.cuts[-1]), 3) if plan else UNSET,
        width=plan.source.width if plan else UNSET,
        height=plan.source.height if plan else UNSET,
        poster_url=urljoin(f"{base_url}/", poster_url) if poster_url else UNSET,
        storyboard_url=f"{manifests}/storyboard.vtt" if row["storyboard"] else UNSET,
        playable_after_s=_after(row, "playable_at"),
        ready_after_s=_after(row, "ready_at"),
    )


def status_view(tx: Transaction, row: dict[str, Any]) -> Status:
    """How far the video of `row` is."""
    counts = {
        count["rendition"]: count
        for count in tx.all(
            "select rendition, count(*) as total, count(object_key) as encoded, count(placed_at) as placed"
            " from media_segment where video_id = %s group by rendition",
            (row["id"],),
        )
    }
    plan = plan_of(row)
    renditions = []
    if plan:
        names = [rendition.name for rendition in plan.renditions]
        if plan.source.audio:
            names.append(AUDIO)
        for name in names:
            count = counts.get(name, {"encoded": 0, "placed": 0})
            renditions.append(RenditionStatus(name, count["encoded"], plan.segments, count["placed"]))
    indexed = row["state"] == "ready" and row["indexed_at"] is not None
    return Status(
        id=row["id"],
        state=row["state"],
        stage="indexed" if indexed else row["state"],
        renditions=renditions,
        attempts=row["attempts"],
        indexed=indexed,
        reason=row["reason"] or UNSET,
        playable_after_s=_after(row, "playable_at"),
        ready_after_s=_after(row, "ready_at"),
        indexed_after_s=_after(row, "indexed_at"),
    )


def _after(row: dict[str, Any], column: str) -> float | UnsetType:
    at: datetime | None = row[column]
    since: datetime | None = row["uploaded_at"]
    return UNSET if at is None or since is None else round((at - since).total_seconds(), 3)
