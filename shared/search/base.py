"""The port: what a search index can do, whatever holds it."""

from abc import ABC, abstractmethod
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Kind = Literal["video", "message"]
Visibility = Literal["public", "private"]


class Document(Struct):
    """A video or a message in the index. A message has its video's owner, visibility and title, but only its body is
    searched."""

    kind: Kind
    id: str
    video_id: str
    owner_id: str
    visibility: Visibility
    title: str
    body: str = ""
    tags: list[str] = []


class Hit(Struct):
    """A result. `title_html` and `snippet` are HTML: escaped, with <mark> around the words that matched."""

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
    """A cursor that is not the `next` of any page."""


class SearchIndex(ABC):
    """Matches in the title come first, then matches in the description, then matches in the tags.

    The query is what a person types: words (all must occur; the last one may be unfinished), "a phrase", -without, OR.
    Every text is a valid query; one without any word to search for finds nothing.

    A write must be the last of its transaction, with the video's row locked: so of two writes of one document the later
    one has read the later state. Each write changes the generation (shared/search/generation.py). Every method raises
    Unavailable when the index does not answer.
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
        """What `viewer` (an account; None: anyone) may see: public videos and their own, and the messages of both.

        Raises BadCursor.
        """
