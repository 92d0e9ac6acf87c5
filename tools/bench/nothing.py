"""The function of tools/bench/events.py: what every function does with an event, and nothing else."""

from events import MessageSent
from shared.runtime.function import Context, event_function


@event_function(MessageSent)
def nothing(event: MessageSent, context: Context) -> None:
    del event, context
