"""A message as its readers see it."""

from datetime import datetime

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
