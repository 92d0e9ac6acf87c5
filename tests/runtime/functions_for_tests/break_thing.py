"""Fails after it has written and published."""

from msgspec import Struct

from events import VideoPlayable
from shared.outbox import publish
from shared.runtime.function import PUBLIC, Context, Problem, http_function


class BreakThing(Struct):
    how: str


@http_function("GET /broken/{how}", access=PUBLIC)
def break_thing(request: BreakThing, context: Context) -> None:
    with context.transaction() as tx:
        tx.execute("insert into note (id, text) values ('broken', %s)", (request.how,))
        publish(tx, VideoPlayable("broken"))
        if request.how == "problem":
            raise Problem("wrong-state", "It is round.", headers={"Retry-After": "7"}, state="round")
        raise RuntimeError("a secret of ours")
