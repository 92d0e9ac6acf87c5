"""When each picture of a source is shown, and where decoding can start: by its own clock, or packet by packet."""

from fractions import Fraction
from math import ceil, floor

from av.video.stream import VideoStream
from msgspec import Struct

from shared.media.model import TIMESCALE, Entry, Part, Ratio, Reading
from shared.media.planning.frame_rate import DEFAULT_FRAME_RATE
from shared.media.probe.choose import Choice
from shared.media.probe.packets import UNKNOWN, PacketScan, VideoPackets
from shared.media.probe.timeline import Timeline, extent, named_rate, together

TICK = Fraction(1, TIMESCALE)
WRAPPING_FORMATS = {"mpegts", "mpeg"}
CLOCK_WRAPS = 1 << 33  # ISO/IEC 13818-1 §2.4.3.7: a time has 33 bits


class Pictures(Struct):
    """Times are in `time_base`; `start` and `end` are those of picture and sound together."""

    time_base: Fraction
    pts: list[int]
    keyframes: list[int]
    start: int
    end: int
    entries: dict[int, Entry] = {}
    reading: Reading | None = None


def in_order(choice: Choice, formats: set[str]) -> Pictures | None:
    """On the source's own clock; None where timestamps are missing."""
    video = choice.video
    shown = video.shown()
    if any(video.pts[n] == UNKNOWN for n in shown) or _reordered_without_timestamps(video.video, formats):
        return None
    if formats & WRAPPING_FORMATS and not all(0 <= video.pts[n] < CLOCK_WRAPS for n in shown):
        return None  # two demuxers that begin at different places may count on differently
    sounds = [span for a in choice.audio if (span := extent(a, 0, len(a.pts))) is not None]
    span = together(extent(video, 0, len(video.pts)), sounds)
    if span is None:
        return None
    return Pictures(
        time_base=video.time_base,
        pts=sorted({video.pts[n] for n in shown}),  # of two pictures at one instant only one can be seen
        keyframes=sorted(video.pts[n] for n in video.keyframes if n not in video.hidden and video.pts[n] != UNKNOWN),
        start=floor(span.start / video.time_base),
        end=ceil(span.end / video.time_base),
    )


def read_by_packets(parts: list[Part], scans: list[PacketScan], choice: Choice, formats: set[str]) -> Pictures:
    """On the published clock, whatever the source's own does."""
    timeline = Timeline()
    pts: set[int] = set()
    entries: dict[int, Entry] = {}
    rate = _picture_rate(choice.video, formats)
    for number, (part, found) in enumerate(zip(parts, scans, strict=True)):
        video = found.video[part.video] if part.video is not None else None
        if video is not None and rate:
            _count_times(video, rate)
        sounds = [found.audio[index] for index in part.audio if index is not None]
        timeline.add_part(number, video, sounds)
        if video is None:
            continue
        offsets = timeline.offsets(number, video.index)
        ticks = {n: round((video.pts[n] * video.time_base + offsets(n)) * TIMESCALE) for n in video.shown()}
        pts |= set(ticks.values())
        for n, position in video.keyframes.items():
            # where pictures are counted, one that is shown before the keyframe but decoded after it would be missed
            if n in ticks and (not rate or n == 0 or not video.video.codec_context.has_b_frames):
                entries.setdefault(ticks[n], Entry(number, n, position))
    first = choice.video.pictures[0]
    return Pictures(
        time_base=TICK,
        pts=sorted(pts),
        keyframes=sorted(entries),
        start=0,
        end=ceil(timeline.end * TIMESCALE),
        entries=entries,
        reading=Reading(
            parts=parts,
            runs=timeline.runs,
            width=first.width,
            height=first.height,
            sample_aspect_ratio=Ratio.of(sample_aspect_ratio(choice.video.video)),
            colours=[first.color_range, first.color_primaries, first.color_trc, first.colorspace],
            picture_rate=Ratio.of(rate) if rate else None,
        ),
    )


def _picture_rate(video: VideoPackets, formats: set[str]) -> Fraction:
    """By which pictures are counted, because the file has no (usable) presentation times; 0: it has them."""
    if all(video.pts[n] != UNKNOWN for n in video.shown()) and not _reordered_without_timestamps(video.video, formats):
        return Fraction(0)
    return named_rate(video.video).limit_denominator(100_000) or DEFAULT_FRAME_RATE


def _count_times(video: VideoPackets, rate: Fraction) -> None:
    """Give picture n the time n / rate, from the first decode time on."""
    first = round((video.first_dts or 0) * video.time_base * rate)
    video.time_base = 1 / rate
    for n in range(len(video.pts)):
        video.pts[n], video.durations[n] = first + n, 1


def _reordered_without_timestamps(video: VideoStream, formats: set[str]) -> bool:
    """AVI stores no presentation times, and for these codecs libavformat cannot derive them."""
    context = video.codec_context
    return "avi" in formats and context.codec.name in ("h264", "hevc") and bool(context.has_b_frames)


def sample_aspect_ratio(video: VideoStream) -> Fraction:
    """Width of a stored pixel by its height; 1 where the file says nothing, or nonsense."""
    aspect = Fraction(video.sample_aspect_ratio or video.codec_context.sample_aspect_ratio or 1)
    return aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1)
