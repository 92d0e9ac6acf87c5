"""The edit list of a track that is shown later than it is decoded (ISO/IEC 14496-12 §8.6.6)."""

import struct

from shared.media.mp4.boxes import box, find, full_box

TRACK_PATH = ("moov", "moov/trak")  # the boxes around the edit list, whose sizes grow by it
UNTIL_THE_END = 0  # of a fragmented file: the length of the edit


def with_edit_list(init: bytes, delay: int) -> bytes:
    """An init segment whose track is presented from media time `delay` (ticks) on; 0: as it is."""
    if delay == 0:
        return init
    edit = struct.pack(">IIiI", 1, UNTIL_THE_END, delay, 0x10000)
    edits = box("edts", full_box("elst", 0, 0, edit))
    at = find(init, "moov/trak/tkhd").end
    grown = bytearray(init[:at] + edits + init[at:])
    for path in TRACK_PATH:
        outer = find(init, path)
        struct.pack_into(">I", grown, outer.start, outer.end - outer.start + len(edits))
    return bytes(grown)


def delay_of(init: bytes) -> int:
    """The media time at which the presentation of the track begins, in ticks; 0 where there is no edit list."""
    try:
        elst = find(init, "moov/trak/edts/elst")
    except KeyError:
        return 0
    delay: int = struct.unpack_from(">i", init, elst.body + 12)[0]
    return delay
