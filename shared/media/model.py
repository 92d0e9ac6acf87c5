"""The values of the media library: what its parts pass to each other and to its callers.

The plan is stored as JSON with the video.

Times are integers in a named time base, never floats: a cut is exactly the pts of an existing frame.
"""

from fractions import Fraction

from msgspec import Struct

AUDIO_RENDITION = "audio"  # the name of the default audio rendition; the others are "audio-2", "audio-3" …
TIMESCALE = 90_000  # ticks per second of the published video
LEAST_REPEAT_RATE = Fraction(10)  # per second: of a picture that is shown once more before the end of a segment
SAME_ASPECT = Fraction(1, 50)  # a smaller relative difference of two aspect ratios is rounding: no bars
SAMPLE_RATE = 48_000  # Hz, of the published audio
AUDIO_BIT_RATE = 128_000  # bit/s
SEARCHED_SEGMENTS = 3  # before one of which nothing can be decoded, for a picture that can stand there
FRAME_SAMPLES = 1024  # samples in an AAC-LC frame (ISO/IEC 14496-3)
COVER_PICTURE = "a cover picture"  # why a video stream is left out whose loss is none


Span = tuple[int, int, int]  # of bytes: start and end, and how many from the beginning of the source come first


class Ratio(Struct, frozen=True):
    """A rational number that JSON can hold."""

    num: int
    den: int

    @classmethod
    def of(cls, value: Fraction) -> "Ratio":
        return cls(value.numerator, value.denominator)

    def fraction(self) -> Fraction:
        return Fraction(self.num, self.den)


class AudioTrack(Struct, frozen=True):
    """A sound stream of the source, and the audio rendition that it becomes. The default one comes first."""

    rendition: str
    stream_index: int
    codec: str
    channels: int
    sample_rate: int
    language: str = ""  # BCP 47, "de"; "": the file does not say
    name: str = ""  # as the file names it: "Director's commentary"
    stretch: float = 1.0  # seconds by the timestamps for each second of samples: the recorder's sound clock drifted
    order: list[str] = []  # of the channels, ["FL", "FC", "FR" …], where FFmpeg has no name for it


def subtitle_rendition(number: int) -> str:
    """The name of the rendition that the subtitle track `number` of a plan, from 1, becomes."""
    return f"subtitles-{number}"


class SubtitleTrack(Struct, frozen=True):
    """A text subtitle stream of the source; it becomes one WebVTT file."""

    stream_index: int
    codec: str
    language: str = ""
    name: str = ""
    default: bool = False
    forced: bool = False  # only what is not in the viewer's language: signs, foreign speech


class Chapter(Struct, frozen=True):
    start: float  # seconds on the published timeline
    end: float
    title: str


class StreamCount(Struct, frozen=True):
    """What the demuxer counted in one stream of the source: what a check before its deletion compares with."""

    stream_index: int
    kind: str  # "video", "audio", "subtitle", "data" or "attachment"
    codec: str
    units: int  # pictures, samples (at the stream's own rate), or cues
    left_out: str = ""  # why it is not published, in words; "": it is


class Part(Struct, frozen=True):
    """A range of bytes of the source that one demuxer reads: files that were joined, or a new programme map in a TS."""

    start: int
    end: int
    head: int  # bytes from the beginning of the source that come first: fragments need the header of their file
    video: int | None  # index of the stream that is shown, in this part
    audio: list[int | None]  # of the stream of each audio track


class Run(Struct, frozen=True):
    """Packets of one stream, one after the other, whose clock goes on without starting anew."""

    part: int
    stream_index: int
    first: int  # number of its first packet among those of the stream in the part
    offset: Ratio  # seconds to add to the stream's own times to get the published ones


class Entry(Struct, frozen=True):
    """Where decoding starts for a segment: a keyframe."""

    part: int
    packet: int  # its number among the packets of the video stream in the part
    position: int  # byte in the part; -1: unknown


class Reading(Struct, frozen=True):
    """How a source is read whose timestamps cannot be used as they are, or that no single demuxer reads.

    Its plan counts in TIMESCALE on the published timeline. The sandboxed child decodes it packet by packet and gives
    each picture its time.
    """

    parts: list[Part]
    runs: list[Run]
    width: int  # of the decoded picture, in pixels as they are stored; others get bars
    height: int
    sample_aspect_ratio: Ratio
    colours: list[int] = []  # range, primaries, transfer and matrix (ISO/IEC 23091-2) of the first picture
    picture_rate: Ratio | None = None  # the file has no presentation times: picture n is shown at n / picture_rate

    def span(self, part: int) -> Span | None:
        """Of a part, by its number; None: it is the whole source."""
        read = self.parts[part]
        return (read.start, read.end, read.head) if len(self.parts) > 1 else None


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
    audio: list[AudioTrack]
    stream_index: int = 0  # of the video stream
    sample_format: str = "yuv420p"  # FFmpeg's pixel format
    untagged_matrix: str = ""  # the colour matrix that players would guess where the file names none; "": it names one
    subtitles: list[SubtitleTrack] = []
    chapters: list[Chapter] = []
    streams: list[StreamCount] = []
    reading: Reading | None = None  # None: seeks and timestamps can be trusted


class ScanResult(Struct):
    """What one pass over a source's packets found, in `info.time_base`. The input of planning; it is not stored."""

    pts: list[int]  # sorted, of every packet that gives a picture
    keyframes: list[int]  # sorted pts
    start: int  # of whichever begins first, picture or sound
    end: int  # of whichever ends last
    info: SourceInfo
    entries: dict[int, Entry] = {}  # of each keyframe, by its pts; where info.reading is set


class Rendition(Struct, frozen=True):
    """One rung of the ladder: a video rendition."""

    name: str  # "1080p"
    width: int
    height: int
    max_rate: int  # kbit/s
    buffer_size: int  # kbit
    level: str  # H.264 level, "4.0"


class Plan(Struct, frozen=True):
    """How a source is cut. Segment k covers cuts[k] <= pts < cuts[k + 1] of the source's clock.

    The timeline is the union of picture and sound: cut 0 is where whichever is first begins, the last cut is where
    whichever is last ends. A segment shows the pictures in its span, and at its start the one that stands there: the
    last before the cut, or, where there was none yet, the first of the film.
    """

    source: SourceInfo
    cuts: list[int]  # in source.time_base; len = segments + 1
    frames: list[int]  # frames in each segment
    renditions: list[Rendition]  # highest first
    output_frame_rate: Ratio
    target_duration: int  # seconds, EXT-X-TARGETDURATION: no media segment is longer once rounded
    seeks: list[int | None]  # where to seek to, to decode each segment; None: from the beginning
    frame_rate_cap: int = 0  # frames closer than 1/cap are left out; 0: all are kept
    first: list[int] = []  # pts of the picture that each segment begins with; may lie before or after its cut
    entries: list[Entry] = []  # of each segment, where source.reading is set; `seeks` does not matter then
    repeats: list[int] = []  # how often the last picture of a segment is shown again, where it stands for long
    delay: int = 0  # ticks of TIMESCALE between decoding and showing a picture (edit list); 0: no B-frames

    @property
    def segments(self) -> int:
        return len(self.cuts) - 1

    def rendition(self, name: str) -> Rendition:
        return next(r for r in self.renditions if r.name == name)

    def earlier(self, index: int) -> list[int]:
        """The segments to search for a picture that can stand in segment `index`, of which nothing can be decoded.

        Nearest first; those that begin with the same picture as the one after them hold no others, and are left out.
        """
        changes = [n for n in range(index) if self.first[n] < self.first[n + 1]]
        return changes[: -SEARCHED_SEGMENTS - 1 : -1]

    def is_complete(self, index: int, frames: int) -> bool:
        """Whether so many pictures are all of a segment; or half of them, where each packet holds one field of a
        picture."""
        planned = self.frames[index]
        return frames == planned or (self.source.interlaced and abs(2 * frames - planned) <= 1)

    def repeats_in(self, index: int) -> int:
        return self.repeats[index] if self.repeats else 0

    def repeat_times(self, index: int, last: int, end: int) -> list[int]:
        """When the last picture of a segment, shown at `last`, is shown again: evenly, and then just before `end`.

        In ticks of TIMESCALE; rising.
        """
        count = self.repeats_in(index)
        rate = max(self.output_frame_rate.fraction(), LEAST_REPEAT_RATE)
        span = max(count, end - round(TIMESCALE / rate) - last)
        return [last + span * number // count for number in range(1, count + 1)]

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
    missing: float = 0.0  # seconds of it that could not be decoded
    filler: bool = False  # nothing in the source could be decoded here: a still picture replaces it


class SubtitleFile(Struct, frozen=True):
    """One subtitle track as a WebVTT file on disk."""

    rendition: str
    path: str
    cues: int


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
