"""Answers a DELETE with 204, for administrators."""

from msgspec import Struct

from shared.runtime.function import ADMIN, Context, http_function


class RemoveThing(Struct):
    id: str


@http_function("DELETE /things/{id}", access=ADMIN)
def remove_thing(request: RemoveThing, context: Context) -> None:
    return None
