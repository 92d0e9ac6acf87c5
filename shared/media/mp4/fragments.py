"""Rewrite what ffmpeg wrote for one segment as one CMAF media segment at its exact place on the timeline.

ffmpeg's own fragments have wrong decode times at the joins of material with B-frames or a variable frame rate. Here
decode times are the sorted presentation times, composition offsets are signed, and the durations add up to exactly the
segment: the join to the next segment has no gap and no overlap by construction.
"""

import hashlib
import struct
from typing import NamedTuple

from shared.media.mp4.boxes import Box, box, children, find, full_box

TFHD_BASE_DATA_OFFSET, TFHD_DESCRIPTION, TFHD_DURATION, TFHD_SIZE, TFHD_FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
TFHD_BASE_IS_MOOF = 0x20000
TRUN_OFFSET, TRUN_FIRST_FLAGS, TRUN_DURATION, TRUN_SIZE, TRUN_FLAGS, TRUN_COMPOSITION = 1, 4, 0x100, 0x200, 0x400, 0x800
BRAND = box("styp", b"msdh", struct.pack(">I", 0), b"msdhcmfs")


class Sample(NamedTuple):
    pts: int
    size: int
    flags: int


class Fragments(NamedTuple):
    """A fragmented file taken apart: its header, and its samples in decode order with their bytes."""

    init: bytes
    samples: list[Sample]
    payload: list[memoryview]


def take_apart(data: bytes) -> Fragments:
    """Of a file with one track; raises ValueError or KeyError when it is no such file."""
    defaults = _trex_defaults(data)
    samples: list[Sample] = []
    payload: list[memoryview] = []
    header_end = 0
    for top in children(data):
        if top.type == "moov":
            header_end = top.end
        elif top.type == "moof":
            for traf in children(data, top.body, top.end):
                if traf.type == "traf":
                    samples += _samples(data, top, traf, defaults, payload)
    return Fragments(data[:header_end], samples, payload)


def _trex_defaults(data: bytes) -> tuple[int, int, int]:
    trex = find(data, "moov/mvex/trex")
    return struct.unpack_from(">III", data, trex.body + 12)


def _samples(
    data: bytes, moof: Box, traf: Box, defaults: tuple[int, int, int], payload: list[memoryview]
) -> list[Sample]:
    duration, size, flags = defaults
    time, base = 0, moof.start
    samples = []
    view = memoryview(data)
    for part in children(data, traf.body, traf.end):
        at = part.body + 4
        if part.type == "tfhd":
            given = struct.unpack_from(">I", data, part.body)[0] & 0xFFFFFF
            at += 4
            if given & TFHD_BASE_DATA_OFFSET:
                (base,) = struct.unpack_from(">Q", data, at)
                at += 8
            at += 4 * bool(given & TFHD_DESCRIPTION)
            if given & TFHD_DURATION:
                (duration,) = struct.unpack_from(">I", data, at)
                at += 4
            if given & TFHD_SIZE:
                (size,) = struct.unpack_from(">I", data, at)
                at += 4
            if given & TFHD_FLAGS:
                (flags,) = struct.unpack_from(">I", data, at)
        elif part.type == "tfdt":
            (time,) = struct.unpack_from(">Q" if data[part.body] == 1 else ">I", data, at)
        elif part.type == "trun":
            given = struct.unpack_from(">I", data, part.body)[0] & 0xFFFFFF
            (count,) = struct.unpack_from(">I", data, at)
            at += 4
            offset = base
            if given & TRUN_OFFSET:
                offset += struct.unpack_from(">i", data, at)[0]
                at += 4
            first_flags = flags
            if given & TRUN_FIRST_FLAGS:
                (first_flags,) = struct.unpack_from(">I", data, at)
                at += 4
            for index in range(count):
                this = [duration, size, first_flags if index == 0 else flags, 0]
                for field, bit in enumerate((TRUN_DURATION, TRUN_SIZE, TRUN_FLAGS, TRUN_COMPOSITION)):
                    if given & bit:
                        this[field] = struct.unpack_from(">i" if bit == TRUN_COMPOSITION else ">I", data, at)[0]
                        at += 4
                samples.append(Sample(time + this[3], this[1], this[2]))
                payload.append(view[offset : offset + this[1]])
                offset += this[1]
                time += this[0]
    return samples


def media_segment(parts: Fragments, number: int, start: int, end: int, shift: int = 0) -> bytes:
    """The samples as one media segment that lasts from `start` to `end`; `shift` is added to their times first."""
    times = spread([sample.pts + shift for sample in parts.samples], start, end)
    decode = sorted(times)
    durations = [after - before for before, after in zip(decode, [*decode[1:], end], strict=True)]
    rows = [
        struct.pack(">IIIi", duration, sample.size, sample.flags, pts - dts)
        for sample, pts, dts, duration in zip(parts.samples, times, decode, durations, strict=True)
    ]
    return _segment(number, start, rows, parts.payload)


def spread(pts: list[int], start: int, end: int) -> list[int]:
    """`pts` in the same order of presentation, the first at `start`, all different, all before `end`."""
    order = sorted(range(len(pts)), key=lambda index: pts[index])
    placed = [0] * len(pts)
    previous = start - 1
    for rank, index in enumerate(order):
        latest = end - (len(pts) - rank)
        previous = start if rank == 0 else max(previous + 1, min(pts[index], latest))
        placed[index] = previous
    return placed


def _segment(number: int, start: int, rows: list[bytes], payload: list[memoryview]) -> bytes:
    flags = TRUN_OFFSET | TRUN_DURATION | TRUN_SIZE | TRUN_FLAGS | TRUN_COMPOSITION
    length = 8 + 16 + 8 + 16 + 20 + 20 + sum(map(len, rows))  # moof, mfhd, traf, tfhd, tfdt, trun
    moof = box(
        "moof",
        full_box("mfhd", 0, 0, struct.pack(">I", number)),
        box(
            "traf",
            full_box("tfhd", 0, TFHD_BASE_IS_MOOF, struct.pack(">I", 1)),
            full_box("tfdt", 1, 0, struct.pack(">Q", start)),
            full_box("trun", 1, flags, struct.pack(">Ii", len(rows), length + 8), *rows),
        ),
    )
    assert len(moof) == length
    return b"".join((BRAND, moof, box("mdat", *payload)))


def codecs_of(init: bytes) -> str:
    """RFC 6381 name of the one track in an init segment."""
    stsd = find(init, "moov/trak/mdia/minf/stbl/stsd")
    entry = next(children(init, stsd.body + 8, stsd.end))
    if entry.type == "mp4a":
        return "mp4a.40.2"
    configuration = next(b for b in children(init, entry.body + 78, entry.end) if b.type == "avcC")
    profile, compatible, level = init[configuration.body + 1 : configuration.body + 4]
    return f"{entry.type}.{profile:02x}{compatible:02x}{level:02x}"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
