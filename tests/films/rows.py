"""Videos that are rows and nothing else."""

from collections.abc import Sequence

import msgspec

from shared.ids import new_id
from shared.media.model import Plan, Ratio, Rendition, SourceInfo
from tests.conftest import Database
from tests.functions.people import Person


def make_video(
    database: Database,
    owner_id: str,
    *,
    state: str = "planned",
    title: str = "A film",
    description: str = "",
    tags: Sequence[str] = (),
    visibility: str = "public",
) -> str:
    """A video in this state, written straight into the database; its id."""
    video_id = new_id()
    database.all(
        """
        insert into video (id, owner_id, title, description, tags, visibility, state, ready_at)
        values (%s, %s, %s, %s, %s, %s, %s, case when %s = 'ready' then now() end)
        """,
        (video_id, owner_id, title, description, list(tags), visibility, state, state),
    )
    return video_id


def ready_video(
    database: Database,
    owner: Person,
    title: str = "A film",
    *,
    description: str = "",
    tags: Sequence[str] = (),
    visibility: str = "public",
) -> str:
    """A video that is ready, without files; its id."""
    return make_video(
        database,
        owner.user_id,
        state="ready",
        title=title,
        description=description,
        tags=tags,
        visibility=visibility,
    )


def mark_ready(database: Database, video_id: str, days: float = 0) -> None:
    """It is ready, with its pictures and subtitles, since so many days."""
    database.all(
        "update video set state = 'ready', thumbnails_done = true, subtitles_done = true,"
        " ready_at = now() - make_interval(secs => %s) where id = %s",
        (days * 86_400, video_id),
    )


def plan_fitting(database: Database, video_id: str) -> None:
    """Gives the video the plan that its media segments were made by, with the times and pictures of make_segments."""
    rows = database.all("select distinct rendition, index from media_segment where video_id = %s", (video_id,))
    count = max(row["index"] for row in rows) + 1
    source = SourceInfo(
        *("mp4", "h264", 640, 360, 0, Ratio(1, 90_000), Ratio(25, 1), 0.0, 250 * count, 0, 900_000 * count),
        *(False, "", True, []),
    )
    rungs = [Rendition(name, 640, 360, 800, 1600, "3.0") for name in sorted({row["rendition"] for row in rows})]
    cuts = [900_000 * index for index in range(count + 1)]
    plan = Plan(source, cuts, [250] * count, rungs, Ratio(25, 1), 10, [None] * count, first=cuts[:-1])
    database.all("update video set plan = %s where id = %s", (msgspec.json.encode(plan).decode(), video_id))


def plan_segment(database: Database, video_id: str, rendition: str, index: int) -> str:
    """A media segment that is not encoded yet; its id."""
    segment_id = new_id()
    database.all(
        "insert into media_segment (id, video_id, rendition, index) values (%s, %s, %s, %s)",
        (segment_id, video_id, rendition, index),
    )
    return segment_id
