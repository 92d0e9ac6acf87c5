"""The public event contract. The catalogue and the JSON Schemas under events/schemas are generated from these types."""

from events.base import Event, VideoEvent, data_schema
from events.messages import MessageSent
from events.nodes import NodeAdded, NodeRemoved
from events.objects import ObjectLost, ObjectRepaired, ScrubAsked
from events.segments import AudioPlanned, SegmentEncoded, SegmentPlaced, SegmentPlanned, SegmentPrioritized
from events.videos import (
    SourceKept,
    VideoDeleted,
    VideoFailed,
    VideoPlanned,
    VideoPlayable,
    VideoReady,
    VideoRecalled,
    VideoUpdated,
    VideoUploaded,
)

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        VideoUploaded,
        VideoPlanned,
        SegmentPlanned,
        SegmentPrioritized,
        AudioPlanned,
        SegmentEncoded,
        SegmentPlaced,
        VideoPlayable,
        VideoReady,
        VideoFailed,
        SourceKept,
        VideoUpdated,
        VideoRecalled,
        VideoDeleted,
        MessageSent,
        NodeAdded,
        NodeRemoved,
        ObjectRepaired,
        ObjectLost,
        ScrubAsked,
    )
}

__all__ = [
    "EVENTS",
    "AudioPlanned",
    "Event",
    "MessageSent",
    "NodeAdded",
    "NodeRemoved",
    "ObjectLost",
    "ObjectRepaired",
    "ScrubAsked",
    "SegmentEncoded",
    "SegmentPlaced",
    "SegmentPlanned",
    "SegmentPrioritized",
    "SourceKept",
    "VideoDeleted",
    "VideoEvent",
    "VideoFailed",
    "VideoPlanned",
    "VideoPlayable",
    "VideoReady",
    "VideoRecalled",
    "VideoUpdated",
    "VideoUploaded",
    "data_schema",
]
