"""Takes an event of any type, and notes what it is given of it."""

import json

from shared.runtime.function import Context, event_function


@event_function()
def note_any(context: Context) -> None:
    with context.transaction() as tx:
        tx.execute(
            "insert into note (id, text) values (%s, %s)", (context.event["id"], json.dumps(dict(context.event)))
        )
