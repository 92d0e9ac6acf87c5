"""The port: what a search index can do, whatever holds it."""

from abc import ABC, abstractmethod
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Kind = Literal["video", "message"]
Visibility = Literal["public", "private"]


class Document(Struct):
    """Something to be found. A message has its video's owner, visibility and title, but is found by its body only."""

    kind: Kind
    id: str
    video_id: str
    owner_id: str
    visibility: Visibility
    title: str
    body: str = ""
    tags: list[str] = []


class Hit(Struct):
    """Something that was found. `title_html` and `snippet` are HTML: escaped, with <mark> around what was searched."""

    kind: Kind
    id: str
    video_id: str
    title: str
    title_html: str
    snippet: str
    score: float


class Results(Struct, omit_defaults=True):
    """One page, the best first. `next` is the cursor of the page after it, if there is one."""

    results: list[Hit]
    next: str | UnsetType = UNSET


class BadCursor(ValueError):
    """A cursor that no page gave."""


class SearchIndex(ABC):
    """A document whose title matches comes before one whose description does, and that before one found by its tags.

    The query is what a person types: words (all must occur; the last one may be unfinished), "a phrase", -without, OR.
    No text is an error; one without anything to search for finds nothing.

    Writes are made while the video's row is locked, and are the last of their transaction: so of two writes of one
    document the later one has read the later state. Each of them changes the generation (shared/search/generation.py).
    Raises Unavailable when it does not answer.
    """

    @abstractmethod
    def put(self, document: Document) -> None:
        """Adds or replaces it. Replacing a video's also gives its messages the video's visibility and title."""

    @abstractmethod
    def remove_video(self, video_id: str) -> None:
        """Removes a video and its messages, if they are there."""

    @abstractmethod
    def search(
        self, text: str, *, viewer: str | None, kind: Kind | None = None, limit: int = 20, cursor: str | None = None
    ) -> Results:
        """What `viewer` (an account, None: anyone) may see: public videos and his own, and their messages.

        Raises BadCursor.
        """
