"""An event function for long work: a transaction, work outside of any, and another transaction."""

from events import VideoFailed
from shared.runtime.function import Context, event_function, seconds
from tests.runtime.script import hold, note, perform


@event_function(VideoFailed, lease=seconds(30))
def note_under_lease(event: VideoFailed, context: Context) -> None:
    with context.transaction() as tx:
        note(tx, event, "begun")
    if event.reason == "long":
        hold()
    with context.transaction() as tx:
        perform(event, context, tx)
