"""Decode the audio of a source and place it on the published timeline. Child side: runs only inside the sandbox."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.stream import Discard

from shared.media.audio.timing import samples
from shared.media.model import SAMPLE_RATE, Plan
from shared.media.probe.container import open_container

SAMPLE_BYTES = 4  # 32-bit floats, one plane per channel (fltp)
TOLERANCE_SAMPLES = SAMPLE_RATE // 40  # 25 ms: a smaller difference of timestamps is rounding by the container, no gap
MAX_GAP_SAMPLES = 10 * SAMPLE_RATE  # where the source's clock is broken, a larger step is a jump of the clock, no gap


def decode_track(source: str, plan: Plan, total: int) -> Iterator[tuple[bytes, bytes]]:
    """Both channels (bytes of 32-bit floats) from sample 0 to the video's end, then silence up to `total` samples.

    Gaps are filled with silence, overlaps are trimmed.
    """
    span, head = min(samples(plan), total), 0
    for at, left, right in _decoded(source, plan):
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


def _silence(count: int) -> Iterator[tuple[bytes, bytes]]:
    while count > 0:
        some = bytes(min(count, SAMPLE_RATE) * SAMPLE_BYTES)
        yield some, some
        count -= SAMPLE_RATE


def _decoded(source: str, plan: Plan) -> Iterator[tuple[int, bytes, bytes]]:
    """Contiguous sound as (position on the published timeline, left, right); the position in samples at 48 kHz."""
    resampling = _Resampling(plan)
    for frame in _source_frames(source, plan):
        yield from resampling.add(frame)
    yield from resampling.flush()


def _source_frames(source: str, plan: Plan) -> Iterator[AudioFrame]:
    """The frames that decode. Damaged ones are skipped, which leaves a gap that becomes silence."""
    (track,) = plan.source.audio
    with open_container(source) as container:
        stream = cast(AudioStream, container.streams[track.stream_index])
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        demuxed = container.demux(stream)
        while True:
            try:
                packet = next(demuxed)
            except (StopIteration, av.error.FFmpegError):
                return
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue


class _Resampling:
    """Resamples contiguous frames; starts a new resampler where timestamps say that something is missing."""

    def __init__(self, plan: Plan) -> None:
        info = plan.source
        self.zero = Fraction(info.first_picture) if info.counted else plan.cuts[0] * info.time_base.fraction()
        self.broken_clock = info.counted
        self.shape: tuple[str, str, int] | None = None
        self.resampler: AudioResampler | None = None
        self.expected = Fraction(0)  # the position of the next frame if nothing is missing
        self.head = 0  # the position of the resampler's next sample

    def add(self, frame: AudioFrame) -> Iterator[tuple[int, bytes, bytes]]:
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        at = self._position(frame)
        off = at - self.expected
        if self.broken_clock and self.resampler and abs(off) > MAX_GAP_SAMPLES:
            self.zero += off / SAMPLE_RATE
            at = self.expected
        if self.resampler is None or shape != self.shape or abs(at - self.expected) > TOLERANCE_SAMPLES:
            yield from self.flush()
            self.resampler = AudioResampler("fltp", "stereo", SAMPLE_RATE)
            self.shape, self.expected, self.head = shape, at, round(at)
        self.expected += Fraction(frame.samples * SAMPLE_RATE, frame.sample_rate)
        frame.pts = None
        yield from self._out(self.resampler.resample(frame))

    def flush(self) -> Iterator[tuple[int, bytes, bytes]]:
        if self.resampler is not None:
            yield from self._out(self.resampler.resample(None))
            self.resampler = None

    def _position(self, frame: AudioFrame) -> Fraction:
        if frame.pts is None or frame.time_base is None:
            return self.expected
        return (frame.pts * Fraction(frame.time_base) - self.zero) * SAMPLE_RATE

    def _out(self, frames: list[AudioFrame]) -> Iterator[tuple[int, bytes, bytes]]:
        for frame in frames:
            size = frame.samples * SAMPLE_BYTES
            left, right = (bytes(plane)[:size] for plane in frame.planes)
            yield self.head, left, right
            self.head += frame.samples
