"""Decode, place on the timeline, encode and cut the audio track. Child side: runs only inside the sandbox."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import cast

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.stream import Discard

from shared.media.audio.timing import boundaries, samples
from shared.media.model import AUDIO_BIT_RATE, AUDIO_RENDITION, FRAME_SAMPLES, SAMPLE_RATE, MediaSegment, Plan
from shared.media.mp4 import FragmentedFile, Sample, aac_init_segment, codecs_of, media_segment
from shared.media.probe.container import open_container

SAMPLE_BYTES = 4  # 32-bit floats, one plane per channel (fltp)
CHANNELS = 2
TOLERANCE_SAMPLES = SAMPLE_RATE // 40  # 25 ms: a smaller difference of timestamps is rounding by the container, no gap
MAX_GAP_SAMPLES = 10 * SAMPLE_RATE  # where the source's clock is broken, a larger step is a jump of the clock, no gap
SYNC_SAMPLE = 0x02000000  # ISO/IEC 14496-12 §8.8.3.1: sample_depends_on = 2, it depends on no other sample
FLAG_BITEXACT = 0x800000  # AV_CODEC_FLAG_BITEXACT


def encode_track(source: str, plan: Plan, out_dir: Path) -> Iterator[MediaSegment]:
    """The media segments, each as soon as it is written. Memory holds one segment, however long the track is."""
    encoder = _encoder()
    init = aac_init_segment(cast(bytes, encoder.extradata), SAMPLE_RATE, CHANNELS, AUDIO_BIT_RATE)
    edges = boundaries(plan)
    packets = _packets(encoder, _frames(source, plan, edges[-1]))
    for index, (first, after) in enumerate(pairwise(edges)):
        yield _written(list(islice(packets, after - first)), index, first, init, out_dir)


def _encoder() -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "stereo", "fltp"
    encoder.bit_rate, encoder.time_base = AUDIO_BIT_RATE, Fraction(1, SAMPLE_RATE)
    encoder.flags |= FLAG_BITEXACT
    encoder.open()
    return encoder


def _packets(encoder: AudioCodecContext, frames: Iterator[AudioFrame]) -> Iterator[bytes]:
    """AAC frames; the first packet is only the encoder's priming, and is dropped instead of hidden by an edit list."""
    primed = False
    for frame in _with_flush(frames):
        for packet in encoder.encode(frame):
            if primed:
                yield bytes(packet)
            primed = True


def _with_flush(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame | None]:
    yield from frames
    yield None


def _frames(source: str, plan: Plan, count: int) -> Iterator[AudioFrame]:
    """Exactly `count` frames of 1024 samples, from the video's first picture on."""
    buffers = bytearray(), bytearray()
    made = 0
    for planes in _on_timeline(source, plan, count * FRAME_SAMPLES):
        for buffer, plane in zip(buffers, planes, strict=True):
            buffer += plane
        while len(buffers[0]) >= FRAME_SAMPLES * SAMPLE_BYTES:
            yield _frame(buffers, made)
            made += 1
    assert made == count


def _frame(buffers: tuple[bytearray, bytearray], number: int) -> AudioFrame:
    frame = AudioFrame(format="fltp", layout="stereo", samples=FRAME_SAMPLES)
    for plane, buffer in zip(frame.planes, buffers, strict=True):
        plane.update(bytes(buffer[: FRAME_SAMPLES * SAMPLE_BYTES]).ljust(plane.buffer_size, b"\0"))
        del buffer[: FRAME_SAMPLES * SAMPLE_BYTES]
    frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), number * FRAME_SAMPLES
    return frame


def _on_timeline(source: str, plan: Plan, total: int) -> Iterator[tuple[bytes, bytes]]:
    """Both channels from sample 0 to the video's end, then silence up to `total` samples.

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
    assert plan.source.audio is not None
    with open_container(source) as container:
        stream = cast(AudioStream, container.streams[plan.source.audio.stream_index])
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


def _written(packets: list[bytes], index: int, first: int, init: bytes, out_dir: Path) -> MediaSegment:
    start, end = first * FRAME_SAMPLES, (first + len(packets)) * FRAME_SAMPLES
    table = [Sample((first + n) * FRAME_SAMPLES, len(packet), SYNC_SAMPLE) for n, packet in enumerate(packets)]
    data = media_segment(FragmentedFile(init, table, [memoryview(p) for p in packets]), index + 1, start, end)
    path = out_dir / f"{AUDIO_RENDITION}-{index:05d}.m4s"
    init_path = out_dir / f"{AUDIO_RENDITION}-{index:05d}-init.mp4"
    size = path.write_bytes(data)
    init_path.write_bytes(init)
    return MediaSegment(
        rendition=AUDIO_RENDITION,
        index=index,
        path=str(path),
        init_path=str(init_path),
        start=start,
        duration=end - start,
        timescale=SAMPLE_RATE,
        frames=len(packets),
        codecs=codecs_of(init),
        size=size,
        init_sha256=hashlib.sha256(init).hexdigest(),
    )
