"""Answers a GET with what it understood of path and query."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.runtime.function import PUBLIC, Context, http_function


class ReadThing(Struct):
    id: str
    count: Annotated[int, Meta(ge=1, le=100)] = 20
    exact: bool = False
    share: float = 0.5
    kind: Literal["round", "square"] | None = None
    names: list[str] = []


class Thing(Struct):
    id: str
    count: int
    exact: bool
    share: float
    kind: str | None
    names: list[str]
    caller: str | None
    client: str


@http_function("GET /things.v1/{id}", access=PUBLIC)
def read_thing(request: ReadThing, context: Context) -> Thing:
    caller = context.principal.user_id if context.principal else None
    return Thing(
        request.id, request.count, request.exact, request.share, request.kind, request.names, caller, context.client
    )
