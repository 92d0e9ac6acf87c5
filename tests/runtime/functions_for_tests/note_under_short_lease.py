"""The same with a lease so short that it has to be renewed at once."""

from events import VideoFailed
from shared.runtime.function import Context, event_function, seconds
from tests.runtime.script import hold


@event_function(VideoFailed, lease=seconds(0.3))
def note_under_short_lease(event: VideoFailed, context: Context) -> None:
    hold()
