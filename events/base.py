"""What every event is: a typed payload in a CloudEvents 1.0 envelope."""

from typing import ClassVar

from msgspec import Struct


class Event(Struct, frozen=True):
    """The payload (`data`) of a CloudEvent. `type` is also the topic's name; one type a topic."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def subject(self) -> str:
        """What the event is about."""
        raise NotImplementedError

    @property
    def partition_key(self) -> str:
        """Events of one key keep their order where a consumer asks for order."""
        return self.subject


class VideoEvent(Event, frozen=True):
    """What happened to a video, or to a part of it."""

    video_id: str

    @property
    def subject(self) -> str:
        return self.video_id

    @property
    def partition_key(self) -> str:
        return self.video_id


def data_schema(event: type[Event]) -> str:
    """The `dataschema` attribute: an absolute URI, as CloudEvents wants; a new version for a breaking change."""
    return f"urn:{event.type.replace('.', ':')}:{event.version}"
