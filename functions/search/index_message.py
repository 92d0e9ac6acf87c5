"""Makes a message findable, by whoever may see its video."""

from events import MessageSent
from shared.runtime.function import Context, event_function
from shared.search import Document, open_index


@event_function(MessageSent)
def index_message(event: MessageSent, context: Context) -> None:
    with context.transaction() as tx:
        # The video is locked against a change of its visibility between here and the commit.
        message = tx.one(
            """
            select m.id, m.video_id, m.body, v.owner_id, v.visibility, v.title
            from message m join video v on v.id = m.video_id where m.id = %s and v.state <> 'deleted' for share of v
            """,
            (event.message_id,),
        )
        if message is None:
            return  # deleted meanwhile
        open_index(tx).put(Document(kind="message", **message))
