"""What the boxes of a published rendition say: ISO/IEC 14496-12."""

import struct
from itertools import pairwise
from typing import NamedTuple

from shared.media.mp4 import children, find
from shared.media.planning.frame_rate import STILL_SECONDS


class Track(NamedTuple):
    """All samples of init + media segments, in ticks of its timescale."""

    timescale: int
    edit: int  # media_time of the edit list; 0: there is none
    decode: list[int]
    duration: list[int]
    offset: list[int]  # composition time - decode time, signed


def track(data: bytes) -> Track:
    """Raises KeyError or ValueError when a box is missing or does not fit."""
    decode: list[int] = []
    duration: list[int] = []
    offset: list[int] = []
    for top in children(data):
        if top.type == "moof":
            fragment = data[top.start : top.end]
            body = find(fragment, "moof/traf/tfdt").body
            wide = fragment[body] == 1
            (time,) = struct.unpack_from(">Q" if wide else ">I", fragment, body + 4)
            for length, later in _run(fragment):
                decode.append(time)
                duration.append(length)
                offset.append(later)
                time += length
    return Track(_timescale(data), _edit(data), decode, duration, offset)


def _timescale(data: bytes) -> int:
    mdhd = find(data, "moov/trak/mdia/mdhd")
    at = mdhd.body + (20 if data[mdhd.body] == 1 else 12)
    return int.from_bytes(data[at : at + 4])


def _edit(data: bytes) -> int:
    try:
        elst = find(data, "moov/trak/edts/elst")
    except KeyError:
        return 0
    wide = data[elst.body] == 1
    (entries,) = struct.unpack_from(">I", data, elst.body + 4)
    assert entries == 1, f"one edit is enough, not {entries}"
    _, media_time, rate = struct.unpack_from(">QqI" if wide else ">IiI", data, elst.body + 8)
    assert rate == 0x10000
    assert media_time >= 0, "an empty edit"
    return int(media_time)


def _run(fragment: bytes) -> list[tuple[int, int]]:
    """(duration, composition offset) of each sample of the only trun."""
    trun = find(fragment, "moof/traf/trun")
    flags = int.from_bytes(fragment[trun.body + 1 : trun.body + 4])
    (count,) = struct.unpack_from(">I", fragment, trun.body + 4)
    at = trun.body + 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    assert flags & 0x100, "each sample has its duration"
    samples = []
    for _ in range(count):
        fields = {}
        for flag in (0x100, 0x200, 0x400, 0x800):
            if flags & flag:
                fields[flag] = fragment[at : at + 4]
                at += 4
        offset = fields.get(0x800, bytes(4))
        samples.append((int.from_bytes(fields[0x100]), int.from_bytes(offset, signed=True)))
    return samples


FEW_PICTURES = 5.5  # three B-frames in a row, one of which others refer to: the next P-frame is decoded 5 before it


def assert_steady(video: Track, delay: int, rate: float) -> None:
    """Decode times rise without a jump back, and no picture is shown more than a few frames after it was decoded.

    `delay` is what the plan says of the edit list, in ticks of 90 kHz; `rate` the pictures in a second.
    """
    assert video.edit * 90_000 == delay * video.timescale, f"edit list of {video.edit}, planned were {delay}"
    assert all(one < other for one, other in pairwise(video.decode)), "decode times must rise"
    shown = sorted(time + offset for time, offset in zip(video.decode, video.offset, strict=True))
    assert len(set(shown)) == len(shown), "two pictures at one time"
    assert min(video.offset) >= 0, f"a composition offset of {min(video.offset)}"
    longest = max(video.offset) / video.timescale
    few = FEW_PICTURES / rate + float(STILL_SECONDS) if delay else 0.0
    assert longest <= few, f"a picture is shown {longest:.3f} s after it was decoded"
