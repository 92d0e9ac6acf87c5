"""What becomes of stored bytes."""

from typing import ClassVar

from events.base import Event


class ObjectEvent(Event, frozen=True):
    object_key: str
    video_id: str | None

    @property
    def subject(self) -> str:
        return self.object_key


class ObjectRepaired(ObjectEvent, frozen=True):
    """A replica was found damaged, and was made anew from a good one."""

    type: ClassVar[str] = "wadi.object.repaired"

    node_id: str
    damage: str


class ObjectLost(ObjectEvent, frozen=True):
    """No good replica is left, and every node that could have one has answered."""

    type: ClassVar[str] = "wadi.object.lost"

    reason: str


class ScrubAsked(Event, frozen=True):
    """Every replica is to be compared with its checksum now, whenever that was done last."""

    type: ClassVar[str] = "wadi.scrub.asked"

    @property
    def subject(self) -> str:
        return "scrub"
