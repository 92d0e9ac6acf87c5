"""Shows how far the scrub is, what it found, and which objects are lost."""

from datetime import datetime

from msgspec import Struct

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.repair.scrub import progress

MOST = 100


class LostObject(Struct):
    key: str
    video_id: str | None
    reason: str
    found_at: datetime


class ScrubStatus(Struct):
    """`due` replicas are to be checked now; the other numbers count since ever. `lost` are the newest 100."""

    due: int
    due_bytes: int
    checked: int
    checked_bytes: int
    damaged: int
    repaired: int
    asked_at: datetime | None
    worked_at: datetime | None
    oldest_check: datetime | None
    lost_count: int
    lost: list[LostObject]


@http_function("GET /api/storage/scrub", access=ADMIN)
def scrub_status(context: Context) -> ScrubStatus:
    with context.transaction() as tx:
        found = progress(tx)
        lost = tx.all(
            "select key, video_id, reason, found_at, count(*) over () as total"
            " from lost_object join object on key = object_key order by found_at desc limit %s",
            (MOST,),
        )
    return ScrubStatus(
        **found._asdict(),
        lost_count=lost[0]["total"] if lost else 0,
        lost=[LostObject(row["key"], row["video_id"], row["reason"], row["found_at"]) for row in lost],
    )
