"""What happens to the pieces of a video."""

from typing import ClassVar

from events.base import VideoEvent


class SegmentPlanned(VideoEvent, frozen=True):
    """Segment `index` is to be encoded in the renditions named, from one decode."""

    type: ClassVar[str] = "wadi.segment.planned"

    index: int
    renditions: list[str]

    @property
    def subject(self) -> str:
        return f"{self.video_id}/{self.index}"

    @property
    def partition_key(self) -> str:
        # by index too, so that the segments of one video spread over the partitions
        return f"{self.video_id}/{self.index}"


class SegmentPrioritized(SegmentPlanned, frozen=True):
    """The same, of a video of an ENTERPRISE account: a topic of its own, where it waits behind nobody else's."""

    type: ClassVar[str] = "wadi.segment.prioritized"


class AudioPlanned(VideoEvent, frozen=True):
    """One audio rendition is to be encoded, whole. Each has an event of its own, so that they are encoded side by
    side."""

    type: ClassVar[str] = "wadi.audio.planned"

    rendition: str = "audio"

    @property
    def subject(self) -> str:
        return f"{self.video_id}/{self.rendition}"

    @property
    def partition_key(self) -> str:
        return f"{self.video_id}/{self.rendition}"


class SegmentEncoded(VideoEvent, frozen=True):
    """One media segment, of a picture or an audio rendition, is in the object store with its first replica."""

    type: ClassVar[str] = "wadi.segment.encoded"

    segment_id: str
    rendition: str
    index: int
    object_key: str
    init_key: str


class SegmentPlaced(VideoEvent, frozen=True):
    """All replicas of one media segment are durable."""

    type: ClassVar[str] = "wadi.segment.placed"

    segment_id: str
    object_key: str
