"""Shows what belongs to nobody, and when it goes."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.jobs.garbage import listing


class ListGarbage(Struct):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class Garbage(Struct):
    """An object, or an upload in parts. `due_at`: it goes then, unless it belongs to somebody by that time."""

    node_id: str
    key: str
    upload: str
    size: int
    found_at: datetime
    due_at: datetime


class GarbageList(Struct):
    total: int
    total_bytes: int
    garbage: list[Garbage]


@http_function("GET /api/storage/garbage", access=ADMIN)
def list_garbage(request: ListGarbage, context: Context) -> GarbageList:
    with context.transaction() as tx:
        rows = listing(tx, request.limit)
    return GarbageList(
        total=rows[0]["total"] if rows else 0,
        total_bytes=rows[0]["total_bytes"] if rows else 0,
        garbage=[Garbage(**{name: row[name] for name in Garbage.__struct_fields__}) for row in rows],
    )
