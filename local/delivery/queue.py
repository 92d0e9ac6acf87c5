"""What a consumer needs: the queue of its group's events, which each transport implements, and the KafkaSource."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local.manifests.knative import Delivery


class TransportDownError(Exception):
    """The transport does not answer at the moment."""


@dataclass
class PendingEvent:
    """An event that a group has not handled yet; `attempt` is the number of tries that failed. `position` identifies it
    within its group, `location` tells a reader of the log where it is."""

    position: int
    topic: str
    key: str
    attempt: int
    event: dict[str, Any]
    location: str = ""

    def __str__(self) -> str:
        return f"{self.topic} {self.key} ({self.location or f'position {self.position}'})"


class Subscription(Protocol):
    """A KafkaSource. Its sinks have the names that the consumer's SinkClient knows."""

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


class EventQueue(Protocol):
    """The events of one consumer group. Every method may raise TransportDownError."""

    @property
    def here(self) -> bool:
        """Whether this runner serves the group, or a part of it."""

    async def due(self, in_flight: Sequence[int], limit: int) -> list[PendingEvent]:
        """What the group is to get now, oldest first, without those in flight; in an ordered source only the first
        of each key."""

    async def seconds_until_due(self) -> float | None:
        """How long until a postponed event is due."""

    async def complete(self, position: int) -> None:
        """The event is handled, or the dead letter sink has it."""

    async def postpone(self, position: int, attempt: int, seconds: float) -> None:
        """Makes the event due again after so many seconds; `attempt` is kept with it."""
