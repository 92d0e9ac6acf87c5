"""Demux a fragmented file with one track, as ffmpeg writes it: its init segment and its samples."""

import struct
from typing import NamedTuple

from shared.media.mp4.boxes import Box, children, find
from shared.media.mp4.edit_list import delay_of
from shared.media.mp4.flags import (
    TFHD_BASE_DATA_OFFSET,
    TFHD_DEFAULT_DURATION,
    TFHD_DEFAULT_FLAGS,
    TFHD_DEFAULT_SIZE,
    TFHD_SAMPLE_DESCRIPTION,
    TRUN_DATA_OFFSET,
    TRUN_FIRST_SAMPLE_FLAGS,
    TRUN_SAMPLE_COMPOSITION,
    TRUN_SAMPLE_DURATION,
    TRUN_SAMPLE_FLAGS,
    TRUN_SAMPLE_SIZE,
)

TREX_DEFAULTS = 12  # bytes in its body before the default duration: version and flags, track, sample description


class Sample(NamedTuple):
    pts: int  # of presentation, after the edit list: ticks of the track's timescale
    size: int  # bytes
    flags: int  # ISO/IEC 14496-12 §8.8.3.1


class FragmentedFile(NamedTuple):
    """A fragmented file: everything up to the end of moov, and the samples in decode order with their bytes."""

    init: bytes
    samples: list[Sample]
    payload: list[memoryview]  # one for each sample


class _Defaults(NamedTuple):
    """Of a sample, where neither trun nor tfhd says otherwise."""

    duration: int
    size: int
    flags: int


def demux(data: bytes) -> FragmentedFile:
    """Raises ValueError or KeyError when it is not a fragmented file."""
    trex = _trex(data)
    samples: list[Sample] = []
    payload: list[memoryview] = []
    init_end = 0
    for top in children(data):
        if top.type == "moov":
            init_end = top.end
        elif top.type == "moof":
            for traf in children(data, top.body, top.end):
                if traf.type == "traf":
                    _add_track_fragment(data, top, traf, trex, samples, payload)
    if delay := delay_of(data[:init_end]):
        samples = [sample._replace(pts=sample.pts - delay) for sample in samples]
    return FragmentedFile(data[:init_end], samples, payload)


def _trex(data: bytes) -> _Defaults:
    trex = find(data, "moov/mvex/trex")
    return _Defaults(*struct.unpack_from(">III", data, trex.body + TREX_DEFAULTS))


def _add_track_fragment(
    data: bytes, moof: Box, traf: Box, defaults: _Defaults, samples: list[Sample], payload: list[memoryview]
) -> None:
    time, base = 0, moof.start
    for part in children(data, traf.body, traf.end):
        if part.type == "tfhd":
            base, defaults = _tfhd(data, part, base, defaults)
        elif part.type == "tfdt":
            (time,) = struct.unpack_from(">Q" if data[part.body] == 1 else ">I", data, part.body + 4)
        elif part.type == "trun":
            time = _add_run(data, part, base, time, defaults, samples, payload)


def _tfhd(data: bytes, tfhd: Box, base: int, defaults: _Defaults) -> tuple[int, _Defaults]:
    """The offset that the runs count from, and the defaults of this fragment."""
    flags = _flags(data, tfhd)
    at = tfhd.body + 8
    if flags & TFHD_BASE_DATA_OFFSET:
        (base,) = struct.unpack_from(">Q", data, at)
        at += 8
    at += 4 * bool(flags & TFHD_SAMPLE_DESCRIPTION)
    values = list(defaults)
    for field, bit in enumerate((TFHD_DEFAULT_DURATION, TFHD_DEFAULT_SIZE, TFHD_DEFAULT_FLAGS)):
        if flags & bit:
            (values[field],) = struct.unpack_from(">I", data, at)
            at += 4
    return base, _Defaults(*values)


def _add_run(
    data: bytes,
    trun: Box,
    base: int,
    time: int,
    defaults: _Defaults,
    samples: list[Sample],
    payload: list[memoryview],
) -> int:
    """The decode time after the run."""
    present = _flags(data, trun)
    (count,) = struct.unpack_from(">I", data, trun.body + 4)
    at = trun.body + 8
    offset = base
    if present & TRUN_DATA_OFFSET:
        offset += struct.unpack_from(">i", data, at)[0]
        at += 4
    first_flags = defaults.flags
    if present & TRUN_FIRST_SAMPLE_FLAGS:
        (first_flags,) = struct.unpack_from(">I", data, at)
        at += 4
    view = memoryview(data)
    for index in range(count):
        duration, size, flags, composition = defaults.duration, defaults.size, defaults.flags, 0
        if index == 0:
            flags = first_flags
        if present & TRUN_SAMPLE_DURATION:
            (duration,) = struct.unpack_from(">I", data, at)
            at += 4
        if present & TRUN_SAMPLE_SIZE:
            (size,) = struct.unpack_from(">I", data, at)
            at += 4
        if present & TRUN_SAMPLE_FLAGS:
            (flags,) = struct.unpack_from(">I", data, at)
            at += 4
        if present & TRUN_SAMPLE_COMPOSITION:
            (composition,) = struct.unpack_from(">i", data, at)
            at += 4
        samples.append(Sample(time + composition, size, flags))
        payload.append(view[offset : offset + size])
        offset += size
        time += duration
    return time


def _flags(data: bytes, full: Box) -> int:
    value: int = struct.unpack_from(">I", data, full.body)[0]
    return value & 0xFFFFFF
