"""Where a source has to be opened anew, because one demuxer does not read on: a file behind a file, another codec."""

import re

from shared.media.mp4 import RandomAccess, top_level_boxes
from shared.media.probe.clock import Jump
from shared.media.probe.programme_map import Programme, programmes

SEARCHED_BYTES = 1 << 20  # before the first packet of an epoch
# how a file begins, and how many bytes come before that
BEGINNINGS = {"matroska": (b"\x1aE\xdf\xa3", 0), "flv": (b"FLV\x01", 0), "mp4": (b"ftyp", 4)}
FRAGMENT = (b"moof", 4)
# Adobe Flash Video File Format 10.1, annex E.2: signature, version, flags, header size 9, then a previous tag of size 0
FLV_HEADER = re.compile(rb"FLV\x01[\x00-\x05]\x00\x00\x00\x09\x00\x00\x00\x00")
FLV_HEADER_BYTES = 13
BLOCK_BYTES = 1 << 22
MOST_PARTS = 100


def known_edges(source: RandomAccess, formats: set[str]) -> tuple[list[int], list[Programme]]:
    """Bytes at which another part begins, as far as headers tell, and the programmes of a transport stream."""
    if "mpegts" in formats:
        first, edges = programmes(source)
        return edges, first
    if "flv" in formats:
        return _flv_headers(source), []
    return (_second_files(source), []) if "mp4" in formats else ([], [])


def edges_at(source: RandomAccess, formats: set[str], jumps: list[Jump]) -> tuple[list[int], int]:
    """Bytes at which a file of its own begins, where the clock starts anew: `cat one.webm two.webm`.

    And how many bytes of the first file each of them needs before it: fragments of MP4 without a header of their own.
    """
    container = next((name for name in BEGINNINGS if name in formats), None)
    if container is None:
        return [], 0
    edges = _found_before(source, jumps, BEGINNINGS[container])
    if container == "mp4" and not edges and (head := _header_bytes(source)):
        return _found_before(source, jumps, FRAGMENT), head
    return edges, 0


def _found_before(source: RandomAccess, jumps: list[Jump], beginning: tuple[bytes, int]) -> list[int]:
    magic, before = beginning
    found = []
    for jump in jumps[:MOST_PARTS]:
        if jump.position:
            start = max(1, jump.position - SEARCHED_BYTES)
            place = source.read(start, jump.position - start).rfind(magic)
            if place >= 0 and (edge := start + place - before) > 0:
                found.append(edge)
    return sorted(set(found))


def _header_bytes(source: RandomAccess) -> int:
    """Up to the end of the first moov; 0 where it is not before all media."""
    first = next((box for box in top_level_boxes(source) if box.type in ("moov", "mdat", "moof")), None)
    return first.end if first and first.type == "moov" else 0


def _flv_headers(source: RandomAccess) -> list[int]:
    """Where an FLV file begins behind the first one: the demuxer takes its header for a tag of some megabytes."""
    edges: list[int] = []
    for at in range(0, source.size, BLOCK_BYTES):
        block = source.read(at, BLOCK_BYTES + FLV_HEADER_BYTES)
        edges += [at + found.start() for found in FLV_HEADER.finditer(block) if found.start() < BLOCK_BYTES]
    return [edge for edge in edges if edge][:MOST_PARTS]


def _second_files(source: RandomAccess) -> list[int]:
    """Where an MP4 file begins behind the first one. Only the headers of the first boxes are read."""
    edges, movies = [], 0
    for box in top_level_boxes(source):
        if box.type == "ftyp" and movies:
            edges.append(box.start)
            movies = 0
        movies += box.type == "moov"
    return edges
