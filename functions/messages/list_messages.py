"""Lists the messages in a video's room: the latest, or those before or after a message."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.db import Transaction
from shared.messages import room
from shared.messages.model import Message
from shared.runtime.function import PUBLIC, Context, Problem, http_function
from shared.videos.visibility import check_visible


class ListMessages(Struct):
    """`before` and `after` are ids of messages: one is for scrolling up, the other for polling."""

    id: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    before: str | None = None
    after: str | None = None


class MessagePage(Struct):
    """The oldest first. `more`: there are further messages in the direction that was asked for."""

    messages: list[Message]
    more: bool


@http_function("GET /api/videos/{id}/messages", access=PUBLIC)
def list_messages(request: ListMessages, context: Context) -> MessagePage:
    if request.before is not None and request.after is not None:
        raise Problem("invalid-request", "Give either before or after, not both.")
    with context.transaction() as tx:
        check_visible(tx, request.id, context.principal)
        if request.after is not None:
            found = room.messages_after(tx, request.id, _position(tx, request.id, request.after), request.limit + 1)
        else:
            before = None if request.before is None else _position(tx, request.id, request.before)
            found = room.messages_before(tx, request.id, before, request.limit + 1)
    page = found[: request.limit]
    if request.after is None:
        page.reverse()
    return MessagePage(page, more=len(found) > request.limit)


def _position(tx: Transaction, video_id: str, message_id: str) -> int:
    seq = room.position(tx, video_id, message_id)
    if seq is None:
        raise Problem("invalid-request", f"There is no message {message_id} in this room.")
    return seq
