"""Answers a POST with 202."""

from msgspec import Struct

from shared.runtime.function import PUBLIC, Accepted, Context, http_function


class BeginThing(Struct):
    id: str


@http_function("POST /things/{id}/begin", access=PUBLIC)
def begin_thing(request: BeginThing, context: Context) -> Accepted[BeginThing]:
    return Accepted(request)
