"""Answers a POST with 201, and tells of it."""

from typing import Annotated

from msgspec import Meta, Struct

from events import VideoPlayable
from shared.outbox import publish
from shared.runtime.function import CREATOR, Context, Created, http_function


class Corner(Struct, forbid_unknown_fields=True):
    x: int
    y: int


class MakeThing(Struct):
    id: str
    title: Annotated[str, Meta(min_length=1, max_length=10)]
    corners: list[Corner] = []


class Made(Struct):
    id: str
    title: str
    corners: int


@http_function("POST /things/{id}", access=CREATOR)
def make_thing(request: MakeThing, context: Context) -> Created[Made]:
    with context.transaction() as tx:
        publish(tx, VideoPlayable(request.id))
    return Created(Made(request.id, request.title, len(request.corners)))
