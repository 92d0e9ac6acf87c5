"""What happens to a video."""

from typing import ClassVar

from events.base import VideoEvent


class VideoUploaded(VideoEvent, frozen=True):
    """The source is whole in the object store: it can be planned."""

    type: ClassVar[str] = "wadi.video.uploaded"

    source_key: str
    name: str
    size: int


class VideoPlanned(VideoEvent, frozen=True):
    """The source was probed, and its segments and renditions are decided."""

    type: ClassVar[str] = "wadi.video.planned"


class VideoPlayable(VideoEvent, frozen=True):
    """The first segment can be watched, while the others are still being encoded."""

    type: ClassVar[str] = "wadi.video.playable"


class VideoReady(VideoEvent, frozen=True):
    """Every media segment is encoded."""

    type: ClassVar[str] = "wadi.video.ready"


class VideoFailed(VideoEvent, frozen=True):
    """The video will not become ready by itself; `reason` is a sentence for its owner, who can ask for a retry."""

    type: ClassVar[str] = "wadi.video.failed"

    reason: str


class SourceKept(VideoEvent, frozen=True):
    """The uploaded file is kept, although SOURCE_POLICY is to delete it: the video may lack something of it. `reasons`
    are sentences for its owner."""

    type: ClassVar[str] = "wadi.source.kept"

    reasons: list[str]


class VideoUpdated(VideoEvent, frozen=True):
    """Its title, description, tags or visibility are others now."""

    type: ClassVar[str] = "wadi.video.updated"


class VideoRecalled(VideoEvent, frozen=True):
    """A frozen video is watched: its replicas are to come back."""

    type: ClassVar[str] = "wadi.video.recalled"


class VideoDeleted(VideoEvent, frozen=True):
    """The tombstone: nobody sees the video any more, and all that is left of it is to go."""

    type: ClassVar[str] = "wadi.video.deleted"
