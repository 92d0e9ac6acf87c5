"""Has every replica that is there now compared with its checksum, whenever that was done last."""

from events import ScrubAsked
from shared.outbox import publish
from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.repair.scrub import check_all_again


@http_function("POST /api/storage/scrub", access=ADMIN)
def start_scrub(context: Context) -> None:
    with context.transaction() as tx:
        check_all_again(tx)
        publish(tx, ScrubAsked())
