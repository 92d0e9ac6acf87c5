"""The room of a video: its messages, in the order in which they were sent."""

from datetime import datetime

from msgspec import Struct

from shared.db import Transaction
from shared.ids import new_id
from shared.messages.model import Author, Message

LOCKS = 7236  # the first half of the advisory locks of rooms; the second is the video


class _Row(Struct):
    """A row of the table message, with its author's name."""

    id: str
    video_id: str
    author_id: str
    author_name: str
    body: str
    created_at: datetime

    def message(self) -> Message:
        return Message(self.id, self.video_id, Author(self.author_id, self.author_name), self.body, self.created_at)


def lock_room(tx: Transaction, video_id: str) -> None:
    """Nobody else writes to the room until `tx` ends."""
    tx.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (LOCKS, video_id))


def add_message(tx: Transaction, video_id: str, author_id: str, body: str) -> Message | None:
    """The new message; None when the author's account no longer exists. The room must be locked, so that messages
    become visible in the order of their `seq`."""
    row = tx.one(
        _Row,
        """
        insert into message (id, video_id, author_id, body, created_at)
        select %s, %s, id, %s, clock_timestamp() from account where id = %s
        returning *, (select name from account where account.id = author_id) as author_name
        """,
        (new_id(), video_id, body, author_id),
    )
    return row.message() if row else None


def delete_messages(tx: Transaction, video_id: str) -> None:
    """The room must be locked, so that no message is added afterwards."""
    tx.execute("delete from message where video_id = %s", (video_id,))


def position(tx: Transaction, video_id: str, message_id: str) -> int | None:
    """The message's `seq`; None when it is not in this room."""
    return tx.value(int, "select seq from message where id = %s and video_id = %s", (message_id, video_id))


def messages_after(tx: Transaction, video_id: str, seq: int, limit: int) -> list[Message]:
    """The oldest first."""
    rows = tx.all(
        _Row,
        """
        select m.*, a.name as author_name from message m join account a on a.id = m.author_id
        where m.video_id = %s and m.seq > %s order by m.seq limit %s
        """,
        (video_id, seq, limit),
    )
    return [row.message() for row in rows]


def messages_before(tx: Transaction, video_id: str, seq: int | None, limit: int) -> list[Message]:
    """The newest first; without a seq, the latest of the room."""
    rows = tx.all(
        _Row,
        """
        select m.*, a.name as author_name from message m join account a on a.id = m.author_id
        where m.video_id = %(video)s and (%(seq)s::bigint is null or m.seq < %(seq)s)
        order by m.seq desc limit %(limit)s
        """,
        {"video": video_id, "seq": seq, "limit": limit},
    )
    return [row.message() for row in rows]
