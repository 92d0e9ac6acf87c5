"""How many bytes are stored in which tier, and what freezing saves."""

from msgspec import Struct

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.report import Report, report


class StorageReport(Struct):
    pass


@http_function("GET /api/storage/report", access=ADMIN)
def storage_report(request: StorageReport, context: Context) -> Report:
    with context.transaction() as tx:
        return report(tx)
