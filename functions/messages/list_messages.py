"""What was said in a video's room: the latest, or what comes before or after a message."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.db import Transaction
from shared.messages.model import Message
from shared.runtime.function import PUBLIC, Context, Problem, http_function
from shared.videos.visibility import check_visible


class ListMessages(Struct):
    """`before` and `after` are ids of messages: scroll up with one, poll for news with the other."""

    id: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    before: str | None = None
    after: str | None = None


class MessagePage(Struct):
    """The oldest first. `more`: there are others beyond, in the direction that was asked for."""

    messages: list[Message]
    more: bool


@http_function("GET /api/videos/{id}/messages", access=PUBLIC)
def list_messages(request: ListMessages, context: Context) -> MessagePage:
    if request.before is not None and request.after is not None:
        raise Problem("invalid-request", "Give either before or after, not both.")
    with context.transaction() as tx:
        check_visible(tx, request.id, context.principal)
        if request.after is not None:
            rows = _after(tx, request.id, _seq(tx, request.id, request.after), request.limit + 1)
        else:
            seq = None if request.before is None else _seq(tx, request.id, request.before)
            rows = _before(tx, request.id, seq, request.limit + 1)
    page = rows[: request.limit]
    messages = [Message.of(row) for row in (page if request.after is not None else reversed(page))]
    return MessagePage(messages, more=len(rows) > request.limit)


def _after(tx: Transaction, video_id: str, seq: int, count: int) -> list[dict[str, object]]:
    return tx.all(
        """
        select m.*, a.name as author_name from message m join account a on a.id = m.author_id
        where m.video_id = %s and m.seq > %s order by m.seq limit %s
        """,
        (video_id, seq, count),
    )


def _before(tx: Transaction, video_id: str, seq: int | None, count: int) -> list[dict[str, object]]:
    """The newest first; without a seq, the latest of the room."""
    return tx.all(
        """
        select m.*, a.name as author_name from message m join account a on a.id = m.author_id
        where m.video_id = %(video)s and (%(seq)s::bigint is null or m.seq < %(seq)s)
        order by m.seq desc limit %(count)s
        """,
        {"video": video_id, "seq": seq, "count": count},
    )


def _seq(tx: Transaction, video_id: str, message_id: str) -> int:
    row = tx.one("select seq from message where id = %s and video_id = %s", (message_id, video_id))
    if row is None:
        raise Problem("invalid-request", f"There is no message {message_id} in this room.")
    return int(row["seq"])
