"""Where a source has to be opened anew, because one demuxer does not read on: a file behind a file, another codec."""

import struct

from shared.media.mp4 import RandomAccess
from shared.media.probe.clock import Jump
from shared.media.probe.programme_map import Programme, programmes

SEARCHED_BYTES = 1 << 20  # before the first packet of an epoch
# how a file begins, and how many bytes come before that
BEGINNINGS = {"matroska": (b"\x1aE\xdf\xa3", 0), "flv": (b"FLV\x01", 0), "mp4": (b"ftyp", 4)}
MOST_BOXES = 64
MOST_PARTS = 100


def known_edges(source: RandomAccess, formats: set[str]) -> tuple[list[int], list[Programme]]:
    """Bytes at which another part begins, as far as headers tell, and the programmes of a transport stream."""
    if "mpegts" in formats:
        first, edges = programmes(source)
        return edges, first
    return (_second_files(source), []) if "mp4" in formats else ([], [])


def edges_at(source: RandomAccess, formats: set[str], jumps: list[Jump]) -> list[int]:
    """Bytes at which a file of its own begins, where the clock starts anew: `cat one.webm two.webm`."""
    container = next((name for name in BEGINNINGS if name in formats), None)
    if container is None:
        return []
    magic, before = BEGINNINGS[container]
    found = []
    for jump in jumps[:MOST_PARTS]:
        if jump.position:
            start = max(1, jump.position - SEARCHED_BYTES)
            place = source.read(start, jump.position - start).rfind(magic)
            if place >= 0:
                found.append(start + place - before)
    return sorted(set(found))


def _second_files(source: RandomAccess) -> list[int]:
    """Where an MP4 file begins behind the first one. Only the headers of the first boxes are read."""
    edges, at, movies = [], 0, 0
    for number in range(MOST_BOXES):
        header = source.read(at, 16)
        if len(header) < 8:
            break
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
        if kind == b"ftyp" and number and movies:
            edges.append(at)
            movies = 0
        movies += kind == b"moov"
        if size < 8:
            break
        at += size
    return edges
