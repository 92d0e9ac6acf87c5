"""Shows how far the scrub is, what it found, and which objects are lost."""

from datetime import datetime

from msgspec import Struct, structs

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.checks import LostObject, count_lost, lost_objects
from shared.storage.repair.scrub import progress

MOST = 100


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
        return ScrubStatus(**structs.asdict(found), lost_count=count_lost(tx), lost=lost_objects(tx, MOST))
