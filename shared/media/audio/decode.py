"""Decode one audio track of a source and place it on the published timeline. Child side: inside the sandbox only."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from msgspec import Struct

from shared.media.audio.resample import StereoResampler
from shared.media.audio.timing import samples
from shared.media.model import SAMPLE_RATE, AudioTrack, Plan
from shared.media.probe.channels import set_native_layout
from shared.media.probe.timed_packets import TimedPacket, audio_packets

SAMPLE_BYTES = 4  # 32-bit floats, one plane per channel (fltp)
TOLERANCE_SAMPLES = SAMPLE_RATE // 40  # 25 ms: a smaller difference of timestamps is rounding by the container, no gap
# Where the sample rate of a transport stream changes, libavformat goes on with the old one between the timestamps that
# the file has: a packet is then stated to last longer or shorter than its samples do.
STATED_SECONDS = Fraction(1, 500)
LOOSE_SAMPLES = SAMPLE_RATE // 4


class Lost(Struct, frozen=True):
    """Sound that could not be decoded. Seconds on the published timeline."""

    start: float
    length: float


class TrackDecoder:
    """One track, named by its rendition. `lost` grows as the sound is read."""

    def __init__(self, source: str, plan: Plan, rendition: str) -> None:
        self._source, self._plan = source, plan
        self._number = [track.rendition for track in plan.source.audio].index(rendition)
        self.lost: list[Lost] = []

    def sound(self, total: int) -> Iterator[tuple[bytes, bytes]]:
        """Both channels (bytes of 32-bit floats) of exactly `total` samples from the start of the timeline.

        Gaps are filled with silence, overlaps are trimmed.
        """
        span, head = min(samples(self._plan), total), 0
        for at, left, right in self._decoded():
            if at >= span:
                break
            yield from _silence(at - head)
            head = max(head, at)
            skip = (head - at) * SAMPLE_BYTES
            keep = (span - at) * SAMPLE_BYTES
            left, right = left[skip:keep], right[skip:keep]
            if left:
                yield left, right
                head += len(left) // SAMPLE_BYTES
        yield from _silence(total - head)

    def _decoded(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Contiguous sound as (position on the published timeline, left, right); the position in samples at 48 kHz."""
        resampling = _Resampling(self._plan.source.audio[self._number])
        for frame, offset in self._frames():
            yield from resampling.add(frame, offset)
        yield from resampling.flush()

    def _frames(self) -> Iterator[tuple[AudioFrame, Fraction]]:
        """The frames that decode, with what to add to their times. Damage leaves a gap, which becomes silence."""
        opened = None
        for timed in audio_packets(self._source, self._plan, self._number):
            stream = cast(AudioStream, timed.stream)
            if opened is not stream:
                set_native_layout(stream.codec_context)
                opened = stream
            try:
                frames = timed.packet.decode()
            except av.error.FFmpegError:
                self._lose(timed)
                continue
            for frame in frames:
                yield cast(AudioFrame, frame), timed.offset

    def _lose(self, timed: TimedPacket) -> None:
        packet = timed.packet
        time_base = Fraction(timed.stream.time_base or 1)
        if packet.pts is not None and packet.duration:
            start = float(packet.pts * time_base + timed.offset)
            self.lost.append(Lost(start, float(packet.duration * time_base)))


def _tolerance(frame: AudioFrame) -> int:
    """By how many samples a frame may lie beside its place before that is a gap."""
    if frame.duration and frame.time_base is not None:
        stated = frame.duration * Fraction(frame.time_base)
        if abs(stated - Fraction(frame.samples, frame.sample_rate)) > STATED_SECONDS:
            return LOOSE_SAMPLES
    return TOLERANCE_SAMPLES


def _silence(count: int) -> Iterator[tuple[bytes, bytes]]:
    while count > 0:
        some = bytes(min(count, SAMPLE_RATE) * SAMPLE_BYTES)
        yield some, some
        count -= SAMPLE_RATE


class _Resampling:
    """Resamples contiguous frames; starts a new resampler where timestamps say that something is missing."""

    def __init__(self, track: AudioTrack) -> None:
        self.stretch, self.order = track.stretch, track.order
        self.shape: tuple[str, str, int] | None = None
        self.resampler: StereoResampler | None = None
        self.expected = Fraction(0)  # the position of the next frame if nothing is missing
        self.head = 0  # the position of the resampler's next sample

    def add(self, frame: AudioFrame, offset: Fraction) -> Iterator[tuple[int, bytes, bytes]]:
        tolerance = _tolerance(frame)
        if self.stretch != 1:  # a recorder's clock that drifts: its samples are a little longer or shorter
            frame.sample_rate = round(frame.sample_rate / self.stretch)
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        at = self._position(frame, offset)
        if self.resampler is None or shape != self.shape or abs(at - self.expected) > tolerance:
            yield from self.flush()
            self.resampler = StereoResampler(self.order)
            self.shape, self.expected, self.head = shape, at, round(at)
        self.expected += Fraction(frame.samples * SAMPLE_RATE, frame.sample_rate)
        frame.pts = None
        yield from self._out(self.resampler.resample(frame))

    def flush(self) -> Iterator[tuple[int, bytes, bytes]]:
        if self.resampler is not None:
            yield from self._out(self.resampler.resample(None))
            self.resampler = None

    def _position(self, frame: AudioFrame, offset: Fraction) -> Fraction:
        if frame.pts is None or frame.time_base is None:
            return self.expected
        return (frame.pts * Fraction(frame.time_base) + offset) * SAMPLE_RATE

    def _out(self, frames: list[AudioFrame]) -> Iterator[tuple[int, bytes, bytes]]:
        for frame in frames:
            size = frame.samples * SAMPLE_BYTES
            left, right = (bytes(plane)[:size] for plane in frame.planes)
            yield self.head, left, right
            self.head += frame.samples
