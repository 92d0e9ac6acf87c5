"""Write samples as one CMAF media segment (styp, moof, mdat) at its exact place on the timeline.

ffmpeg's own fragments have wrong decode times at the joins of material with B-frames or a variable frame rate. Here the
durations add up to exactly the segment: the join to the next segment has no gap and no overlap by construction.

A picture is shown at its decode time + its composition offset - the delay of the track's edit list. The delay makes
room for B-frames, so that no offset is negative: libavformat would show a track with negative ones too late.
"""

import struct
from itertools import accumulate

from shared.media.mp4.boxes import box, full_box
from shared.media.mp4.flags import (
    TFHD_DEFAULT_BASE_IS_MOOF,
    TRUN_DATA_OFFSET,
    TRUN_SAMPLE_COMPOSITION,
    TRUN_SAMPLE_DURATION,
    TRUN_SAMPLE_FLAGS,
    TRUN_SAMPLE_SIZE,
)
from shared.media.mp4.fragmented import FragmentedFile

STYP = box("styp", b"msdh", struct.pack(">I", 0), b"msdhcmfs")  # brands: ISO/IEC 23000-19 (CMAF) and DASH


def media_segment(parts: FragmentedFile, number: int, start: int, end: int, shift: int = 0, delay: int = 0) -> bytes:
    """The samples as one media segment from `start` to `end`, in ticks of the track's timescale.

    `shift` ticks are added to the samples' times first. `number` is the sequence number in mfhd, from 1. `delay` is
    that of the track's edit list. Raises ValueError when the samples are reordered further than it allows.
    """
    times = spread([sample.pts + shift for sample in parts.samples], start, end)
    decode = decode_times(times, delay)
    durations = [after - before for before, after in zip(decode, [*decode[1:], end], strict=True)]
    rows = [
        struct.pack(">IIIi", duration, sample.size, sample.flags, pts + delay - dts)
        for sample, pts, dts, duration in zip(parts.samples, times, decode, durations, strict=True)
    ]
    return _segment(number, start, rows, parts.payload)


def decode_times(times: list[int], delay: int) -> list[int]:
    """When each sample is decoded; `times` are those of presentation, in decode order.

    They rise as evenly as the presentation times do, from the first of those on, and none is later than its sample's
    presentation + `delay`. Raises ValueError when that is not possible.
    """
    latest = list(accumulate(reversed(times), min))[::-1]  # the earliest presentation of this sample or a later one
    wanted = [min(time, shown + delay) for time, shown in zip(sorted(times), latest, strict=True)]
    for step in (max(1, delay // 4), 1):  # half a frame apart where a gap leaves them no more
        decode = wanted[:]
        for place in reversed(range(len(decode) - 1)):
            decode[place] = min(decode[place], decode[place + 1] - step)
        if not decode or decode[0] == wanted[0]:
            return decode
    raise ValueError(f"the encoder reordered its pictures further than the {delay} ticks that were planned")


def spread(pts: list[int], start: int, end: int) -> list[int]:
    """`pts` moved as little as needed: in the same order, the first at `start`, all different, all before `end`."""
    order = sorted(range(len(pts)), key=lambda index: pts[index])
    placed = [0] * len(pts)
    previous = start - 1
    for rank, index in enumerate(order):
        latest = end - (len(pts) - rank)
        previous = start if rank == 0 else max(previous + 1, min(pts[index], latest))
        placed[index] = previous
    return placed


def _segment(number: int, start: int, rows: list[bytes], payload: list[memoryview]) -> bytes:
    flags = TRUN_DATA_OFFSET | TRUN_SAMPLE_DURATION | TRUN_SAMPLE_SIZE | TRUN_SAMPLE_FLAGS | TRUN_SAMPLE_COMPOSITION
    length = 8 + 16 + 8 + 16 + 20 + 20 + sum(map(len, rows))  # moof, mfhd, traf, tfhd, tfdt, trun
    moof = box(
        "moof",
        full_box("mfhd", 0, 0, struct.pack(">I", number)),
        box(
            "traf",
            full_box("tfhd", 0, TFHD_DEFAULT_BASE_IS_MOOF, struct.pack(">I", 1)),
            full_box("tfdt", 1, 0, struct.pack(">Q", start)),
            full_box("trun", 1, flags, struct.pack(">Ii", len(rows), length + 8), *rows),
        ),
    )
    assert len(moof) == length
    return b"".join((STYP, moof, box("mdat", *payload)))
