"""Shows what nothing refers to, and when it is deleted."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.jobs.garbage import Garbage, listing, total


class ListGarbage(Struct):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class GarbageList(Struct):
    total: int
    total_bytes: int
    garbage: list[Garbage]


@http_function("GET /api/storage/garbage", access=ADMIN)
def list_garbage(request: ListGarbage, context: Context) -> GarbageList:
    with context.transaction() as tx:
        all_garbage = total(tx)
        return GarbageList(all_garbage.count, all_garbage.bytes, listing(tx, request.limit))
