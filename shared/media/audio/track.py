"""Decode, place, encode and cut the audio track. Runs in the child process of `worker.py`; see `audio.py`."""

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

from shared.media.audio.encode import BIT_RATE, FRAME, RENDITION, SAMPLE_RATE, boundaries, samples
from shared.media.audio.init_segment import audio_init
from shared.media.model import MediaSegment, Plan
from shared.media.mp4.fragments import Fragments, Sample, codecs_of, digest, media_segment
from shared.media.probe.container import opened

SAMPLE = 4  # bytes: 32-bit floats, one plane a channel
CHANNELS = 2
STRAY = SAMPLE_RATE // 40  # samples that timestamps may be off before they are believed: containers round them
JUMP = 10 * SAMPLE_RATE  # what no gap is, in a source whose clock is broken
SYNC_SAMPLE = 0x02000000


def encode_track(source: str, plan: Plan, out_dir: Path) -> Iterator[MediaSegment]:
    """The media segments, as they get done. Memory holds one segment, however long the track."""
    encoder = _encoder()
    init = audio_init(cast(bytes, encoder.extradata), SAMPLE_RATE, CHANNELS, BIT_RATE)
    edges = boundaries(plan)
    packets = _packets(encoder, _frames(source, plan, edges[-1]))
    for index, (first, after) in enumerate(pairwise(edges)):
        yield _written(list(islice(packets, after - first)), index, first, init, out_dir)


def _encoder() -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "stereo", "fltp"
    encoder.bit_rate, encoder.time_base = BIT_RATE, Fraction(1, SAMPLE_RATE)
    encoder.flags |= 0x800000  # bitexact
    encoder.open()
    return encoder


def _packets(encoder: AudioCodecContext, frames: Iterator[AudioFrame]) -> Iterator[bytes]:
    """AAC frames; the first packet is only the encoder's priming, and is dropped instead of hidden by an edit list."""
    primed = False
    for frame in _then_none(frames):
        for packet in encoder.encode(frame):
            if primed:
                yield bytes(packet)
            primed = True


def _then_none(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame | None]:
    yield from frames
    yield None


def _frames(source: str, plan: Plan, count: int) -> Iterator[AudioFrame]:
    """Exactly `count` frames of 1024 samples, from the video's first picture on."""
    buffers = bytearray(), bytearray()
    made = 0
    for planes in _placed(source, plan, count * FRAME):
        for buffer, plane in zip(buffers, planes, strict=True):
            buffer += plane
        while len(buffers[0]) >= FRAME * SAMPLE:
            yield _frame(buffers, made)
            made += 1
    assert made == count


def _frame(buffers: tuple[bytearray, bytearray], number: int) -> AudioFrame:
    frame = AudioFrame(format="fltp", layout="stereo", samples=FRAME)
    for plane, buffer in zip(frame.planes, buffers, strict=True):
        plane.update(bytes(buffer[: FRAME * SAMPLE]).ljust(plane.buffer_size, b"\0"))
        del buffer[: FRAME * SAMPLE]
    frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), number * FRAME
    return frame


def _placed(source: str, plan: Plan, total: int) -> Iterator[tuple[bytes, bytes]]:
    """Both channels from sample 0 to the video's end, then silence to `total`: silence in gaps, overlaps trimmed."""
    span, head = min(samples(plan), total), 0
    for at, left, right in _decoded(source, plan):
        if at >= span:
            break
        yield from _silence(at - head)
        head = max(head, at)
        skip = (head - at) * SAMPLE
        keep = (span - at) * SAMPLE
        left, right = left[skip:keep], right[skip:keep]
        if left:
            yield left, right
            head += len(left) // SAMPLE
    yield from _silence(total - head)


def _silence(count: int) -> Iterator[tuple[bytes, bytes]]:
    while count > 0:
        some = bytes(min(count, SAMPLE_RATE) * SAMPLE)
        yield some, some
        count -= SAMPLE_RATE


def _decoded(source: str, plan: Plan) -> Iterator[tuple[int, bytes, bytes]]:
    """Runs of contiguous sound as (position on the published timeline, left, right), in samples at 48 kHz."""
    run = _Run(plan)
    for frame in _source_frames(source, plan):
        yield from run.add(frame)
    yield from run.flush()


def _source_frames(source: str, plan: Plan) -> Iterator[AudioFrame]:
    """What decodes; what is damaged is skipped, and becomes silence by its absence."""
    assert plan.source.audio is not None
    with opened(source) as container:
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


class _Run:
    """Resamples contiguous frames, and starts anew where the timestamps say that something is missing."""

    def __init__(self, plan: Plan) -> None:
        info = plan.source
        self.zero = Fraction(info.first_picture) if info.counted else plan.cuts[0] * info.time_base.fraction()
        self.broken_clock = info.counted
        self.shape: tuple[str, str, int] | None = None
        self.resampler: AudioResampler | None = None
        self.expected = Fraction(0)  # where the next frame should be
        self.head = 0  # where the resampler's next sample goes

    def add(self, frame: AudioFrame) -> Iterator[tuple[int, bytes, bytes]]:
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        at = self._position(frame)
        off = at - self.expected
        if self.broken_clock and self.resampler and abs(off) > JUMP:
            self.zero += off / SAMPLE_RATE
            at = self.expected
        if self.resampler is None or shape != self.shape or abs(at - self.expected) > STRAY:
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
            size = frame.samples * SAMPLE
            left, right = (bytes(plane)[:size] for plane in frame.planes)
            yield self.head, left, right
            self.head += frame.samples


def _written(packets: list[bytes], index: int, first: int, init: bytes, out_dir: Path) -> MediaSegment:
    start, end = first * FRAME, (first + len(packets)) * FRAME
    table = [Sample((first + n) * FRAME, len(packet), SYNC_SAMPLE) for n, packet in enumerate(packets)]
    data = media_segment(Fragments(init, table, [memoryview(p) for p in packets]), index + 1, start, end)
    path = out_dir / f"{RENDITION}-{index:05d}.m4s"
    init_path = out_dir / f"{RENDITION}-{index:05d}-init.mp4"
    size = path.write_bytes(data)
    init_path.write_bytes(init)
    return MediaSegment(
        rendition=RENDITION,
        index=index,
        path=str(path),
        init_path=str(init_path),
        start=start,
        duration=end - start,
        timescale=SAMPLE_RATE,
        frames=len(packets),
        codecs=codecs_of(init),
        size=size,
        init_sha256=digest(init),
    )
