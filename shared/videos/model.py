"""A video as the API shows it."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from shared.videos.damage import Damage


class VideoChapter(Struct):
    """Seconds on the video's timeline; `title` is empty where the file gives none."""

    start_s: float
    end_s: float
    title: str


class Video(Struct, omit_defaults=True):
    """`…_after_s` are seconds since the upload was complete.

    `damage` is there when part of the source could not be decoded; `source_kept` says why the uploaded file
    is kept, where the platform deletes those.
    """

    id: str
    title: str
    description: str
    tags: list[str]
    visibility: str
    owner_id: str
    state: str
    created_at: datetime
    hls_url: str
    dash_url: str
    reason: str | UnsetType = UNSET
    damage: Damage | UnsetType = UNSET
    source_kept: str | UnsetType = UNSET
    duration_s: float | UnsetType = UNSET
    chapters: list[VideoChapter] | UnsetType = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    poster_url: str | UnsetType = UNSET
    storyboard_url: str | UnsetType = UNSET
    playable_after_s: float | UnsetType = UNSET
    ready_after_s: float | UnsetType = UNSET


class RenditionStatus(Struct):
    """How many media segments of a rendition are encoded, and how many of those have all their replicas."""

    name: str
    encoded: int
    total: int
    placed: int


class Status(Struct, omit_defaults=True):
    id: str
    state: str
    stage: str  # the last thing that happened: uploading, uploaded, planned, playable, ready, indexed or failed
    renditions: list[RenditionStatus]
    attempts: int
    indexed: bool = False
    reason: str | UnsetType = UNSET
    damage: Damage | UnsetType = UNSET
    source_kept: str | UnsetType = UNSET
    playable_after_s: float | UnsetType = UNSET
    ready_after_s: float | UnsetType = UNSET
    indexed_after_s: float | UnsetType = UNSET

    @property
    def final(self) -> bool:
        """Nothing more will happen by itself."""
        return self.stage in ("indexed", "failed")
