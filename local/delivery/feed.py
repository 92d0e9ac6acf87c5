"""What a consumer asks of a transport: which events its group is to get, and where to note what became of them; and
what both ask of a KafkaSource, wherever that was read from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local.manifests.knative import Delivery


class FeedDownError(Exception):
    """The transport does not answer right now."""


@dataclass
class Owed:
    """An event that a group is still to get; `attempt` is the number of tries that failed. `position` names it within
    its group, `place` says for a reader of the log where it is."""

    position: int
    topic: str
    key: str
    attempt: int
    event: dict[str, Any]
    place: str = ""

    def __str__(self) -> str:
        return f"{self.topic} {self.key} ({self.place or f'position {self.position}'})"


class Subscription(Protocol):
    """A KafkaSource. Its sinks go by names of the reader's own."""

    @property
    def name(self) -> str: ...

    @property
    def group(self) -> str: ...

    @property
    def topics(self) -> Sequence[str]: ...

    @property
    def initial_offset(self) -> str: ...

    @property
    def ordered(self) -> bool: ...

    @property
    def sink(self) -> str: ...

    @property
    def delivery(self) -> Delivery: ...

    @property
    def dead_letter_sink(self) -> str | None: ...


class Feed(Protocol):
    """The events of one consumer group. Every method may raise FeedDownError."""

    @property
    def here(self) -> bool:
        """Whether this runner serves the group, or a part of it."""

    async def due(self, but_not: Sequence[int], limit: int) -> list[Owed]:
        """What the group is to get now, oldest first, without what is under way; in an ordered source only the first
        of each key."""

    async def seconds_to_next(self) -> float | None:
        """How long until something that was put off is due."""

    async def settle(self, position: int) -> None:
        """The group has it."""

    async def put_off(self, position: int, attempt: int, seconds: float) -> None:
        """Later again."""
