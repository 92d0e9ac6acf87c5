"""The pictures of one segment, each with its published time. Child side: inside the sandbox only."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from msgspec import Struct

from shared.media.model import TIMESCALE, Entry, Plan
from shared.media.probe.alpha import picture_decoder
from shared.media.probe.timed_packets import TimedPacket, video_packets


class TimedPicture(Struct):
    time: int  # ticks of TIMESCALE
    frame: VideoFrame
    aspect: Fraction = Fraction(1)  # of its stored pixels, width by height


def segment_pictures(source: str, plan: Plan, index: int) -> Iterator[TimedPicture]:
    """Those that segment `index` shows: the one that stands at its cut first, which may have an earlier time."""
    first, end = plan.first[index], max(plan.cuts[index + 1], plan.first[index] + 1)
    yield from _between(source, plan, plan.entries[index], first, end)


def picture_before(source: str, plan: Plan, index: int) -> TimedPicture | None:
    """The last picture before segment `index` that can be decoded, within a few segments."""
    for earlier in plan.earlier(index):
        pictures = _between(source, plan, plan.entries[earlier], plan.first[earlier], plan.first[index])
        if last := deque(pictures, maxlen=1):
            return last.pop()
    return None


def _between(source: str, plan: Plan, entry: Entry, first: int, end: int) -> Iterator[TimedPicture]:
    """Decoded from `entry` on: first <= time < end, with rising times."""
    previous = first - 1
    for picture in _decoded(source, plan, entry):
        if picture.time >= end:
            return
        if picture.time > previous:
            previous = picture.time
            yield picture


def _decoded(source: str, plan: Plan, entry: Entry) -> Iterator[TimedPicture]:
    reading = plan.source.reading
    assert reading is not None
    decoder: VideoCodecContext | None = None
    stream: VideoStream | None = None
    clock: _Clock = _Clock()
    for timed in video_packets(source, plan, entry):
        if timed.stream is not stream:
            if decoder is not None:
                yield from clock.timed(_flushed(decoder), _aspect(decoder, plan))
            stream = cast(VideoStream, timed.stream)
            decoder = picture_decoder(stream)
            rate = reading.picture_rate.fraction() if reading.picture_rate else None
            clock = _Counting(timed, stream, rate) if rate else _Clock()
        if timed.packet.size == 0:
            continue
        clock.stamp(timed, stream)
        assert decoder is not None
        with suppress(av.error.FFmpegError):
            frames = decoder.decode(timed.packet)
            yield from clock.timed(frames, _aspect(decoder, plan))
    if decoder is not None:
        yield from clock.timed(_flushed(decoder), _aspect(decoder, plan))


def _aspect(decoder: VideoCodecContext, plan: Plan) -> Fraction:
    """Of the pixels of what was decoded last. Only these containers leave it to the codec, which may change it."""
    reading = plan.source.reading
    assert reading is not None
    planned = reading.sample_aspect_ratio.fraction()
    in_band = plan.source.container in ("mpegts", "mpeg", "flv")
    return Fraction(decoder.sample_aspect_ratio or planned) if in_band else planned


def _flushed(decoder: VideoCodecContext) -> list[VideoFrame]:
    with suppress(av.error.FFmpegError, EOFError):
        return list(decoder.decode(None))
    return []


class _Clock:
    """Packets carry the published time through the decoder, which puts it on the picture."""

    def stamp(self, timed: TimedPacket, stream: VideoStream) -> None:
        packet = timed.packet
        if packet.pts is not None:
            seconds = packet.pts * Fraction(stream.time_base or 1) + timed.offset
            packet.pts = round(seconds * TIMESCALE)
        packet.dts = None

    def timed(self, frames: list[VideoFrame], aspect: Fraction) -> Iterator[TimedPicture]:
        for frame in frames:
            if frame.pts is not None:
                yield TimedPicture(frame.pts, frame, aspect)


class _Counting(_Clock):
    """The file has no presentation times: the decoder's pictures are counted from a keyframe on."""

    def __init__(self, timed: TimedPacket, stream: VideoStream, rate: Fraction) -> None:
        dts = timed.packet.dts or 0
        self._next = round(dts * Fraction(stream.time_base or 1) * rate)
        self._rate, self._offset = rate, timed.offset

    def stamp(self, timed: TimedPacket, stream: VideoStream) -> None:
        """Nothing: what comes out is counted."""

    def timed(self, frames: list[VideoFrame], aspect: Fraction) -> Iterator[TimedPicture]:
        for frame in frames:
            yield TimedPicture(round((self._next / self._rate + self._offset) * TIMESCALE), frame, aspect)
            self._next += 1
