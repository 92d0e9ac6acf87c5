"""Where an MPEG transport stream changes what it is made of: its programme map tables (ISO/IEC 13818-1 §2.4.4).

A demuxer looks at the tables once. A stream whose codec or packet identifier (PID) changes later is lost to it, so the
source is cut there and each part is opened anew.
"""

import re
import struct
from collections.abc import Iterator

from msgspec import Struct

from shared.media.mp4 import RandomAccess

BLOCK_BYTES = 1 << 22
PACKET_BYTES = 188
TABLE_START_BYTES = PACKET_BYTES - 5
# A packet in which a section starts at once: sync byte, unit start, PID, payload without adaptation field, pointer 0,
# then the table id (0: programme association, 2: programme map) and the start of the section length.
ASSOCIATION = re.compile(rb"\x47[\x40-\x7f]\x00[\x10-\x1f]\x00\x00[\xb0-\xb3]", re.DOTALL)
TABLE = re.compile(rb"\x47[\x40-\x5f].[\x10-\x1f]\x00\x02[\xb0-\xb3]", re.DOTALL)
# Stream types of ISO/IEC 13818-1 table 2-34 that are neither picture nor sound: sections, data, ID3.
NOT_MEDIA = {0x05, 0x08, 0x0B, 0x0C, 0x0D, 0x14, 0x15, 0x86}
MOST_PARTS = 100
CRC_POLYNOMIAL = 0x04C11DB7


class Programme(Struct, frozen=True):
    number: int
    streams: frozenset[tuple[int, int]]  # PID and stream type of pictures and sound

    @property
    def pids(self) -> set[int]:
        return {pid for pid, _ in self.streams}


class _Section(Struct, frozen=True):
    position: int  # of the packet, in bytes
    programme: Programme


def programmes(source: RandomAccess) -> tuple[list[Programme], list[int]]:
    """The programmes at the beginning, in the file's order, and the bytes where a part with other streams begins."""
    known: dict[int, Programme] = {}
    edges: list[int] = []
    for section in _sections(source):
        programme = section.programme
        before = known.get(programme.number)
        if (section.position > BLOCK_BYTES and before is None) or before not in (None, programme):
            edges.append(_association_before(source, section.position))
        known[programme.number] = programme
    at_the_beginning = [section.programme for section in _sections(source, BLOCK_BYTES)]
    first = list({programme.number: programme for programme in reversed(at_the_beginning)}.values())[::-1]
    return first, sorted(set(edges)) if len(edges) < MOST_PARTS else []


def _sections(source: RandomAccess, end: int = 1 << 62) -> Iterator[_Section]:
    """Programme maps that fit into one packet, as all but huge ones do. One that repeats the last is left out."""
    last: dict[int, bytes] = {}
    at = 0
    while at < min(source.size, end):
        block = source.read(at, BLOCK_BYTES + PACKET_BYTES)
        for found in TABLE.finditer(block, 0, min(len(block), BLOCK_BYTES + 7)):
            pid = struct.unpack_from(">H", block, found.start() + 1)[0] & 0x1FFF
            table = block[found.start() + 5 : found.start() + PACKET_BYTES]
            if table != last.get(pid) and (programme := _programme(table)) is not None:
                last[pid] = table
                yield _Section(at + found.start(), programme)
        at += BLOCK_BYTES


def _programme(table: bytes) -> Programme | None:
    """The programme in a section; None where it is longer than the packet, or no section at all."""
    if len(table) < 12:
        return None
    length = 3 + (struct.unpack_from(">H", table, 1)[0] & 0xFFF)
    if not 16 <= length <= TABLE_START_BYTES or len(table) < length or _crc(table[:length]):
        return None
    (number,) = struct.unpack_from(">H", table, 3)
    at = 12 + (struct.unpack_from(">H", table, 10)[0] & 0xFFF)
    streams = set()
    while at + 5 <= length - 4:
        kind, pid, info = struct.unpack_from(">BHH", table, at)
        if kind not in NOT_MEDIA:
            streams.add((pid & 0x1FFF, kind))
        at += 5 + (info & 0xFFF)
    return Programme(number, frozenset(streams))


def _crc(data: bytes) -> int:
    """CRC of MPEG-2 sections (ISO/IEC 13818-1 annex A): 0 over a section with its CRC."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = ((value << 1) ^ (CRC_POLYNOMIAL if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def _association_before(source: RandomAccess, position: int) -> int:
    """The programme association table just before a map: a demuxer that starts there finds the map."""
    start = max(0, position - 16 * PACKET_BYTES)
    before = source.read(start, position - start)
    tables = [found.start() for found in ASSOCIATION.finditer(before)]
    return start + tables[-1] if tables else position
