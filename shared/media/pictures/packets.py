"""The video packets of a source from a keyframe on, by published time. Child side: runs only inside the sandbox.

Film takes them from one of two sources: where seeks can be trusted, and where a source is read once from its beginning.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, Protocol, cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from msgspec import Struct

from shared.media.model import TIMESCALE, Entry, Plan
from shared.media.probe.timed_packets import TimedPacket, video_packets

PACKETS_TRIED = 400  # after a seek, to find a keyframe
# How far before the time wanted to seek, in turn, where the keyframe found is too late (containers without an index).
MARGINS_SECONDS = (0, 4, 16, 64, 256)
MAX_HELD_BYTES = 256 << 20  # packets since a keyframe that are kept to be decoded later


class StampedPacket(Struct):
    """Its `pts` is the published time, in ticks of TIMESCALE; so is that of the picture that a decoder makes of it."""

    packet: "Packet[Any]"
    stream: VideoStream

    @property
    def time(self) -> int:
        return self.packet.pts or 0


class Packets(Protocol):
    def from_keyframe(self, time: int) -> Iterator[StampedPacket]:
        """Packets in decode order, from the last keyframe at or before a published time on; from about there where
        that is cheaper. `time` never falls from call to call."""


class SeekingPackets:
    """Of a source whose timestamps and seeks can be trusted. A keyframe up to `early` ticks late is good enough."""

    def __init__(self, container: InputContainer, plan: Plan, early: int) -> None:
        self._container, self._early = container, early
        self._video = cast(VideoStream, container.streams[plan.source.stream_index])
        self._time_base = Fraction(cast(Fraction, self._video.time_base))
        self._zero, self._first = plan.cuts[0], plan.source.start_pts
        self._exact = plan.source.seekable

    def from_keyframe(self, time: int) -> Iterator[StampedPacket]:
        wanted = max(self._first, self._zero + int(time / TIMESCALE / self._time_base))
        for margin in MARGINS_SECONDS:
            start = wanted - int(margin / self._time_base)
            if found := self._keyframe(start, time, self._early if margin == 0 else 0):
                return found
            if start <= self._first:
                break
        return self._seek(self._first)  # a source without keyframes is decoded from its beginning

    def _keyframe(self, start: int, time: int, early: int) -> Iterator[StampedPacket] | None:
        """From the last keyframe between a seek to `start` and `time` on; None: there is none."""
        packets, held, size = self._seek(start), list[StampedPacket](), 0
        for number, stamped in enumerate(packets):
            if stamped.packet.is_keyframe:
                if stamped.time > time + (0 if held else early):
                    return chain(held, [stamped], packets) if held else None
                held, size = [stamped], 0
                if self._exact or stamped.time > time:
                    break
            elif held:
                held.append(stamped)
            elif number > PACKETS_TRIED:
                return None
            size += stamped.packet.size
            if held and (stamped.time > time or size > MAX_HELD_BYTES):
                break
        return chain(held, packets) if held else None

    def _seek(self, pts: int) -> Iterator[StampedPacket]:
        try:
            self._container.seek(pts, stream=self._video)
        except av.error.FFmpegError:
            return
        packets = self._container.demux(self._video)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return
            if packet.size and packet.pts is not None:
                packet.pts = round((packet.pts - self._zero) * self._time_base * TIMESCALE)
                packet.dts = None
                yield StampedPacket(packet, self._video)


class PassingPackets:
    """Of a source that is read once, packet by packet (model.Reading)."""

    def __init__(self, source: str, plan: Plan) -> None:
        self._packets = _published(source, plan)
        self._held: list[StampedPacket] = []  # since the last keyframe
        self._size = 0
        self._ahead = next(self._packets, None)

    def from_keyframe(self, time: int) -> Iterator[StampedPacket]:
        while self._ahead is not None and (self._ahead.time <= time or not self._held):
            self._take()
        yield from self._held[: None if self._size <= MAX_HELD_BYTES else 1]
        while self._ahead is not None:
            yield self._take()

    def _take(self) -> StampedPacket:
        taken = self._ahead
        assert taken is not None
        if taken.packet.is_keyframe:
            self._held, self._size = [], 0
        if self._size <= MAX_HELD_BYTES:
            self._held.append(taken)
            self._size += taken.packet.size
        self._ahead = next(self._packets, None)
        return taken


def _published(source: str, plan: Plan) -> Iterator[StampedPacket]:
    reading = plan.source.reading
    assert reading is not None
    rate = reading.picture_rate.fraction() if reading.picture_rate else None
    begun, counted_from = -1, 0
    for timed in video_packets(source, plan, Entry(0, 0, -1)):
        packet = timed.packet
        if timed.part != begun:
            begun = timed.part
            counted_from = round(float((packet.dts or 0) * Fraction(timed.stream.time_base or 1) * (rate or 1)))
        if packet.size == 0:
            continue
        seconds = (counted_from + timed.number) / rate + timed.offset if rate else _seconds(timed)
        if seconds is None:
            continue
        packet.pts, packet.dts = round(seconds * TIMESCALE), None
        yield StampedPacket(packet, cast(VideoStream, timed.stream))


def _seconds(timed: TimedPacket) -> Fraction | None:
    pts = timed.packet.pts
    return None if pts is None else pts * Fraction(timed.stream.time_base or 1) + timed.offset
