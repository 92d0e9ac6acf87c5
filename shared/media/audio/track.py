"""Encode the audio track once and cut it into segments. Child side: runs only inside the sandbox."""

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
from msgspec.structs import replace

from shared.media.audio.decode import SAMPLE_BYTES, Lost, TrackDecoder
from shared.media.audio.timing import boundaries
from shared.media.model import AUDIO_BIT_RATE, FRAME_SAMPLES, SAMPLE_RATE, MediaSegment, Plan
from shared.media.mp4 import FragmentedFile, Sample, aac_init_segment, codecs_of, media_segment

CHANNELS = 2
SYNC_SAMPLE = 0x02000000  # ISO/IEC 14496-12 §8.8.3.1: sample_depends_on = 2, it depends on no other sample
FLAG_BITEXACT = 0x800000  # AV_CODEC_FLAG_BITEXACT


def encode_track(source: str, plan: Plan, rendition: str, out_dir: Path) -> Iterator[MediaSegment]:
    """The media segments, each as soon as it is written. Memory holds one segment, however long the track is."""
    encoder = _encoder()
    init = aac_init_segment(cast(bytes, encoder.extradata), SAMPLE_RATE, CHANNELS, AUDIO_BIT_RATE)
    edges = boundaries(plan)
    decoder = TrackDecoder(source, plan, rendition)
    packets = _packets(encoder, _frames(decoder, edges[-1]))
    for index, (first, after) in enumerate(pairwise(edges)):
        segment = _written(list(islice(packets, after - first)), rendition, index, first, init, out_dir)
        yield replace(segment, missing=_missing(decoder.lost, segment))


def _missing(lost: list[Lost], segment: MediaSegment) -> float:
    """Seconds of a segment that could not be decoded."""
    start, end = segment.start / segment.timescale, (segment.start + segment.duration) / segment.timescale
    parts = (min(end, each.start + each.length) - max(start, each.start) for each in lost)
    return round(sum(part for part in parts if part > 0), 3)


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


def _frames(decoder: TrackDecoder, count: int) -> Iterator[AudioFrame]:
    """Exactly `count` frames of 1024 samples, from the start of the timeline on."""
    buffers = bytearray(), bytearray()
    made = 0
    for planes in decoder.sound(count * FRAME_SAMPLES):
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


def _written(packets: list[bytes], rendition: str, index: int, first: int, init: bytes, out_dir: Path) -> MediaSegment:
    start, end = first * FRAME_SAMPLES, (first + len(packets)) * FRAME_SAMPLES
    table = [Sample((first + n) * FRAME_SAMPLES, len(packet), SYNC_SAMPLE) for n, packet in enumerate(packets)]
    data = media_segment(FragmentedFile(init, table, [memoryview(p) for p in packets]), index + 1, start, end)
    path = out_dir / f"{rendition}-{index:05d}.m4s"
    init_path = out_dir / f"{rendition}-{index:05d}-init.mp4"
    size = path.write_bytes(data)
    init_path.write_bytes(init)
    return MediaSegment(
        rendition=rendition,
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
