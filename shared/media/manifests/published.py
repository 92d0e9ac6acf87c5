"""What of a video can be played: the input of the manifests."""

from fractions import Fraction
from itertools import takewhile

from msgspec import Struct

from shared.media.model import AUDIO_RENDITION, AudioTrack, Plan, Rendition, SubtitleTrack, subtitle_rendition


class Piece(Struct, frozen=True):
    """A media segment that can be fetched."""

    index: int  # from 0; segments of all renditions with one index cover the same span of the video
    url: str
    init_url: str
    start: int  # ticks of `timescale` on the published timeline, which starts at 0
    duration: int  # ticks
    timescale: int  # ticks per second
    size: int  # bytes
    codecs: str  # RFC 6381
    init_sha256: str = ""  # identifies the init segment where its URL does not (each signature makes a new URL)

    @property
    def seconds(self) -> Fraction:
        return Fraction(self.duration, self.timescale)

    @property
    def init(self) -> str:
        return self.init_sha256 or self.init_url


class SubtitleText(Struct, frozen=True):
    """A WebVTT file that can be fetched."""

    url: str
    size: int  # bytes


class Published(Struct, frozen=True):
    """A video and its segments so far."""

    plan: Plan
    pieces: dict[str, list[Piece]]  # by rendition ("1080p" …, "audio"), in any order
    subtitles: dict[str, SubtitleText] = {}  # by rendition ("subtitles-1" …)

    def prefix(self, rendition: str) -> list[Piece]:
        """The pieces from the beginning up to the first that is missing."""
        by_index = {piece.index: piece for piece in self.pieces.get(rendition, [])}
        return [by_index[index] for index in takewhile(by_index.__contains__, range(self.plan.segments))]

    def is_whole(self, rendition: str) -> bool:
        return len(self.prefix(rendition)) == self.plan.segments

    @property
    def expected(self) -> list[str]:
        """The renditions that the video will have."""
        return [*(r.name for r in self.plan.renditions), *(track.rendition for track in self.plan.source.audio)]

    @property
    def complete(self) -> bool:
        return all(self.is_whole(name) for name in self.expected)

    @property
    def playable(self) -> bool:
        """At least one rung, and the audio if there is any, can be played from the beginning."""
        audible = not self.plan.source.audio or bool(self.prefix(AUDIO_RENDITION))
        return audible and any(self.prefix(r.name) for r in self.plan.renditions)

    @property
    def audible(self) -> list[AudioTrack]:
        """The audio tracks that can be played from the beginning, the default first."""
        return [track for track in self.plan.source.audio if self.prefix(track.rendition)]

    @property
    def readable(self) -> list[tuple[str, SubtitleTrack]]:
        """The subtitles that are there, each with its rendition."""
        numbered = ((subtitle_rendition(n), track) for n, track in enumerate(self.plan.source.subtitles, 1))
        return [(name, track) for name, track in numbered if name in self.subtitles]

    @property
    def rungs(self) -> list[Rendition]:
        """The rungs that can be played from the beginning, lowest first: a player starts with the first one."""
        return [r for r in reversed(self.plan.renditions) if self.prefix(r.name)]


class NotYet(Exception):
    """The manifest asked for cannot be written until more of the video is there."""
