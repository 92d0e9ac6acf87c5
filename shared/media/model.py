"""The values of the media library: what its parts pass to each other and to its callers.

The plan is stored as JSON with the video.

Times are integers in a named time base, never floats: a cut is exactly the pts of an existing frame.
"""

from fractions import Fraction

from msgspec import Struct

AUDIO_RENDITION = "audio"  # the name of the one audio rendition, beside those of the ladder
SAMPLE_RATE = 48_000  # Hz, of the published audio
AUDIO_BIT_RATE = 128_000  # bit/s
FRAME_SAMPLES = 1024  # samples in an AAC-LC frame (ISO/IEC 14496-3)


class Ratio(Struct, frozen=True):
    """A rational number that JSON can hold."""

    num: int
    den: int

    @classmethod
    def of(cls, value: Fraction) -> "Ratio":
        return cls(value.numerator, value.denominator)

    def fraction(self) -> Fraction:
        return Fraction(self.num, self.den)


class AudioInfo(Struct, frozen=True):
    """The audio stream that is used: the first one that decodes."""

    stream_index: int
    codec: str
    channels: int
    sample_rate: int


class SourceInfo(Struct, frozen=True):
    """What a probe found. `width` and `height` are of the displayed picture: after rotation, with square pixels."""

    container: str
    video_codec: str
    width: int
    height: int
    rotation: int  # degrees clockwise: 0, 90, 180, 270
    time_base: Ratio
    frame_rate: Ratio  # average, frames per second
    container_start: float  # seconds; what ffmpeg's -ss counts from
    frames: int
    start_pts: int
    end_pts: int  # last pts + its duration
    interlaced: bool
    hdr: str  # "", "pq" or "hlg"
    seekable: bool  # a seek lands on the keyframe it names (mp4, mkv …); False: (MPEG-TS …) seek further back
    audio: AudioInfo | None
    stream_index: int = 0  # of the video stream
    counted: bool = False  # its timestamps cannot be trusted: frame n is at n, in a time base of one frame
    first_picture: float = 0.0  # seconds on the source's own clock; the published timeline starts there
    sample_format: str = "yuv420p"  # FFmpeg's pixel format
    untagged_matrix: str = ""  # the colour matrix that players would guess where the file names none; "": it names one


class ScanResult(Struct):
    """What one pass over a source's packets found, in `info.time_base`. The input of planning; it is not stored."""

    pts: list[int]  # sorted, of every packet that gives a picture
    keyframes: list[int]  # sorted pts
    end: int  # pts of the last picture + its duration
    info: SourceInfo


class Rendition(Struct, frozen=True):
    """One rung of the ladder: a video rendition."""

    name: str  # "1080p"
    width: int
    height: int
    max_rate: int  # kbit/s
    buffer_size: int  # kbit
    level: str  # H.264 level, "4.0"


class Plan(Struct, frozen=True):
    """How a source is cut: segment k is the frames with cuts[k] <= pts < cuts[k + 1]."""

    source: SourceInfo
    cuts: list[int]  # in source.time_base; len = segments + 1
    frames: list[int]  # frames in each segment
    renditions: list[Rendition]  # highest first
    output_frame_rate: Ratio
    target_duration: int  # seconds, EXT-X-TARGETDURATION: no media segment is longer once rounded
    seeks: list[int | None]  # where to seek to, to decode each segment; None: from the beginning
    frame_rate_cap: int = 0  # frames closer than 1/cap are left out; 0: all are kept

    @property
    def segments(self) -> int:
        return len(self.cuts) - 1

    def rendition(self, name: str) -> Rendition:
        return next(r for r in self.renditions if r.name == name)

    def seconds(self, pts: int) -> float:
        """The time of `pts` on the published timeline, which starts at cut 0."""
        return float((pts - self.cuts[0]) * self.source.time_base.fraction())


class MediaSegment(Struct, frozen=True):
    """One CMAF file on disk: one segment of one rendition. Ticks are in `timescale`."""

    rendition: str  # "1080p" … or "audio"
    index: int
    path: str
    init_path: str
    start: int
    duration: int
    timescale: int
    frames: int  # video frames, or AAC frames
    codecs: str  # RFC 6381, "avc1.640028"
    size: int  # bytes
    init_sha256: str = ""  # the same over all segments of a rendition, or the manifest marks a discontinuity
    filler: bool = False  # nothing in the source could be decoded here: a still picture replaces it


class Storyboard(Struct, frozen=True):
    """Small pictures of the timeline, for the seek bar: tiles in rows and columns on sheets (sprites)."""

    tile_width: int
    tile_height: int
    columns: int
    rows: int
    interval: float  # seconds between pictures
    count: int  # pictures on all sheets
    sheets: list[str]  # paths of JPEG files


class Thumbnails(Struct, frozen=True):
    poster_path: str
    storyboard: Storyboard
