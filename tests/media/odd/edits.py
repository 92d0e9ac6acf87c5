"""Edit lists of MP4 (ISO/IEC 14496-12 §8.6.6): where the media is on the clock of the film."""

import struct
from functools import partial
from pathlib import Path

from shared.media.mp4 import Box, box, children, find, full_box
from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi, odd_times, pictures

Edit = tuple[float, float | None]  # seconds that it lasts, and where in the media it begins; None: nothing is shown


def edited(name: str, one: str, edits: dict[int, list[Edit]], folder: Path) -> None:
    """`one`, whose moov is its last box, with other edit lists; `edits` counts its tracks from 0."""
    (folder / name).write_bytes(with_edits((folder / one).read_bytes(), edits))


def with_edits(data: bytes, edits: dict[int, list[Edit]]) -> bytes:
    *_, moov = children(data)
    assert moov.type == "moov"
    mvhd = find(data, "moov/mvhd")
    (movie,) = struct.unpack_from(">I", data, mvhd.body + 12)  # ticks per second of the film
    parts, track = [], 0
    for part in children(data, moov.body, moov.end):
        content = data[part.start : part.end]
        if part.type == "trak":
            content = _edited(data, part, edits[track], movie) if track in edits else content
            track += 1
        parts.append(content)
    return data[: moov.start] + box("moov", *parts)


def _edited(data: bytes, trak: Box, edits: list[Edit], movie: int) -> bytes:
    inside = list(children(data, trak.body, trak.end))
    mdia = next(part for part in inside if part.type == "mdia")
    mdhd = next(part for part in children(data, mdia.body, mdia.end) if part.type == "mdhd")
    (timescale,) = struct.unpack_from(">I", data, mdhd.body + 12)
    entries = [
        struct.pack(">IiI", round(movie * lasts), -1 if begins is None else round(timescale * begins), 0x10000)
        for lasts, begins in edits
    ]
    elst = full_box("elst", 0, 0, struct.pack(">I", len(entries)), *entries)
    parts = [data[part.start : part.end] for part in inside if part.type != "edts"]
    return box("trak", parts[0], box("edts", elst), *parts[1:])


MADE = f"{lavfi(pictures(8))} {lavfi(beeps(8))} {X264} -bf 0 -c:a pcm_s16le @made.mov"
SHOWN = pictures(8)


def _file(name: str, edits: dict[int, list[Edit]], length: float, flashes: list[float], beeps: list[float]) -> Odd:
    expected = Expected(length=length, flashes=flashes, beeps=beeps, length_tolerance=0.1)
    return Odd(name, [MADE, partial(edited, name, "made.mov", edits)], expected)


FILES = [
    _file("cut-both.mov", {0: [(6, 2)], 1: [(6, 2)]}, 6, odd_times(6), odd_times(6)),
    _file("cut-picture.mov", {0: [(6, 2)]}, 8, [1.0, 3.0, 5.0], odd_times(8)),
    _file("cut-sound.mov", {1: [(6, 2)]}, 8, odd_times(8), [1.0, 3.0, 5.0]),
    _file("picture-later.mov", {0: [(3, None), (8, 0)]}, 11, odd_times(11, 3), odd_times(8)),
    _file("sound-later.mov", {1: [(3, None), (8, 0)]}, 11, odd_times(8), odd_times(11, 3)),
    _file("both-later.mov", {0: [(3, None), (8, 0)], 1: [(3, None), (8, 0)]}, 8, odd_times(8), odd_times(8)),
    _file("middle.mov", {0: [(3.5, 2.5)], 1: [(3.5, 2.5)]}, 3.5, [0.5, 2.5], [0.5, 2.5]),
    _file("short.mov", {0: [(4, 0)], 1: [(4, 0)]}, 4, odd_times(4), odd_times(4)),
    _file("later-and-cut.mov", {0: [(2, None), (4, 2)], 1: [(6, 0)]}, 6, [3.0, 5.0], odd_times(6)),
    _file("two-pieces.mov", {0: [(2, 0), (4, 4)], 1: [(2, 0), (4, 4)]}, 6, odd_times(6), odd_times(6)),
]
