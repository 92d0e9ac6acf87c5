"""Makes a message findable, by whoever may see its video."""

from events import MessageSent
from shared.runtime.function import Context, event_function
from shared.search.indexing import index_sent_message


@event_function(MessageSent)
def index_message(event: MessageSent, context: Context) -> None:
    with context.transaction() as tx:
        index_sent_message(tx, event.message_id)
