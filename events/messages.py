"""What viewers say."""

from typing import ClassVar

from events.base import VideoEvent


class MessageSent(VideoEvent, frozen=True):
    """A message was posted in a video's room."""

    type: ClassVar[str] = "wadi.message.sent"

    message_id: str
