"""Adds a message to a video's room."""

import unicodedata

from msgspec import Struct

from events import MessageSent
from shared.messages.model import Message
from shared.messages.room import add_message, lock_room
from shared.outbox import publish
from shared.runtime.function import USER, Context, Created, PerClient, Problem, http_function
from shared.videos.visibility import check_visible

MAX_CHARACTERS = 2000


class SendMessage(Struct):
    id: str
    body: str


@http_function("POST /api/videos/{id}/messages", access=USER, limit=PerClient("send-message", 30, per=60))
def send_message(request: SendMessage, context: Context) -> Created[Message]:
    body = _checked(request.body)
    with context.transaction() as tx:
        # One writer at a time in a room: messages become visible in the order of their seq, and none is added after
        # the video was deleted.
        lock_room(tx, request.id)
        check_visible(tx, request.id, context.principal)
        message = add_message(tx, request.id, context.caller.user_id, body)
        if message is None:
            raise Problem("not-authenticated", "The account of this token no longer exists.")
        publish(tx, MessageSent(request.id, message.id))
        return Created(message)


def _checked(body: str) -> str:
    text = unicodedata.normalize("NFC", body.replace("\r\n", "\n").strip())
    if not text:
        raise _refused("A message must not be empty.")
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"A message has at most {MAX_CHARACTERS} characters; this one has {len(text)}.")
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise _refused("A message must not contain control characters.")
    return text


def _refused(message: str) -> Problem:
    return Problem("invalid-request", message, errors=[{"field": "body", "message": message}])
