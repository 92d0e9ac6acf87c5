"""An event function with one transaction; the event's `reason` says what is to happen in it."""

from events import VideoFailed
from shared.runtime.function import Context, event_function
from tests.runtime.script import perform


@event_function(VideoFailed)
def note_at_once(event: VideoFailed, context: Context) -> None:
    with context.transaction() as tx:
        perform(event, context, tx)
    if event.reason == "explode later":
        raise RuntimeError("as the test wants it")
