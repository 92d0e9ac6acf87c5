"""Three calls a client, in a window that outlasts every test."""

from shared.runtime.function import PUBLIC, Context, PerClient, http_function


@http_function("POST /limited", access=PUBLIC, limit=PerClient("limited", 3, per=1_000_000_000))
def limited_thing(context: Context) -> None:
    return None
