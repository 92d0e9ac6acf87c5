"""A message as its readers see it."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class Author(Struct):
    id: str
    name: str


class Message(Struct):
    id: str
    video_id: str
    author: Author
    body: str
    created_at: datetime

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Message":
        """From a row of the table message, joined with its author's name."""
        return cls(
            row["id"], row["video_id"], Author(row["author_id"], row["author_name"]), row["body"], row["created_at"]
        )
