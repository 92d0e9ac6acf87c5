"""Clocks that start anew, that jump, that drift, or that nothing tells."""

import struct
from functools import partial
from pathlib import Path

from tests.media.judge.verdict import Expected
from tests.media.odd.making import MONO, X264, Odd, beeps, lavfi, odd_times, pictures

FLV_HEADER = 13  # bytes: the header and the size of no tag before
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -c:a libopus"
FRAGMENTS = "-movflags frag_keyframe+empty_moov+default_base_moof"
GREEN = "hue=h=120"
HALF = 6  # seconds
# The second half begins where the first ends, which the last frame of its sound makes up to 0.06 s later.
TWICE = Expected(
    length=12,
    flashes=odd_times(12),
    beeps=odd_times(12),
    loudness=(MONO, MONO),
    tolerance=0.09,
    length_tolerance=0.15,
)
SHOWN = f"{pictures(6)}[a];{pictures(6, more=GREEN)}[b];[a][b]concat"


def _half(name: str, codecs: str, more: str = "", seconds: int = HALF) -> str:
    return f"{lavfi(pictures(seconds, more=more))} {lavfi(beeps(seconds))} {codecs} @{name}"


def appended(name: str, codecs: str, cut: int = 0) -> Odd:
    """Two recordings in one file, each on a clock of its own."""
    stem, _, suffix = name.rpartition(".")
    one, other = f"{stem}-1.{suffix}", f"{stem}-2.{suffix}"
    join = partial(joined, name, one, other, cut)
    return Odd(name, [_half(one, codecs), _half(other, codecs, GREEN), join], TWICE, SHOWN)


def joined(name: str, one: str, other: str, cut: int, folder: Path) -> None:
    (folder / name).write_bytes((folder / one).read_bytes() + (folder / other).read_bytes()[cut:])


def fragments_joined(name: str, one: str, other: str, folder: Path) -> None:
    """The fragments of the other file behind those of the first: what a recorder that was restarted appends."""
    second = (folder / other).read_bytes()
    (folder / name).write_bytes((folder / one).read_bytes() + second[second.index(b"moof") - 4 :])


APPENDED = [
    appended("append.flv", f"{X264} -bf 0 -g 50 -c:a aac", FLV_HEADER),
    appended("append-b.flv", "-c:v libx264 -preset veryfast -g 50 -c:a aac", FLV_HEADER),
    appended("append.ts", f"{X264} -g 50 -c:a aac"),
    appended("append.mpg", "-c:v mpeg2video -b:v 1M -c:a mp2"),
    appended("append.webm", f"{VP8} -live 1"),
    appended("append.mkv", f"{X264} -c:a aac -live 1"),
    Odd(
        "append-frag.mp4",
        [
            _half("1.mp4", f"{X264} -g 50 -c:a aac {FRAGMENTS}"),
            _half("2.mp4", f"{X264} -g 50 -c:a aac {FRAGMENTS}", GREEN),
            partial(fragments_joined, "append-frag.mp4", "1.mp4", "2.mp4"),
        ],
        TWICE,
        SHOWN,
    ),
    Odd(
        "append-3.flv",
        [
            _half("1.flv", f"{X264} -g 50 -c:a aac", seconds=4),
            _half("2.flv", f"{X264} -g 50 -c:a aac", seconds=2),
            _half("3.flv", f"{X264} -g 50 -c:a aac", seconds=6),
            partial(joined, "12.flv", "1.flv", "2.flv", FLV_HEADER),
            partial(joined, "append-3.flv", "12.flv", "3.flv", FLV_HEADER),
        ],
        TWICE,
    ),
    Odd(
        "append-video-only.flv",
        [
            f"{lavfi(pictures(6))} {X264} -bf 0 @1.flv",
            f"{lavfi(pictures(6))} {X264} -bf 0 @2.flv",
            partial(joined, "append-video-only.flv", "1.flv", "2.flv", FLV_HEADER),
        ],
        Expected(length=12, flashes=odd_times(12)),
    ),
]

# Sound whose times are stretched, as of a sound card with a clock of its own: 0.4 % of it is a hole of 20 ms each 5 s.
DRIFTING = [
    Odd(
        f"drift-{codec}-{'slow' if factor > 1 else 'fast'}.{suffix}",
        [
            f"{lavfi(pictures(20))} {X264} @v.mkv",
            f"{lavfi(f'sine=frequency=500:duration={20 / factor:.3f}:sample_rate=48000,volume=4')} -c:a {codec} @a.mka",
            f'-i @v.mkv -i @a.mka -c copy -bsf:a "setts=ts=TS*{factor}:duration=DURATION" '
            f"@drift-{codec}-{'slow' if factor > 1 else 'fast'}.{suffix}",
        ],
        Expected(length=20, flashes=odd_times(20), length_tolerance=0.1),
    )
    for suffix, codec in [("mkv", "libopus"), ("mkv", "aac"), ("mp4", "aac")]
    for factor in (1.004, 0.996)
]


def without_times(name: str, one: str, folder: Path) -> None:
    """An AVI whose header claims 25 pictures a second, and no index: nothing else tells a time."""
    data = bytearray((folder / one).read_bytes())
    at = data.rfind(b"idx1")
    (size,) = struct.unpack_from("<I", data, at + 4)
    data[at : at + 4] = b"JUNK"
    del data[at + 8 + size :]
    (folder / name).write_bytes(data)


TIMELESS = [
    Odd(
        "b-frames.avi",
        [f"{lavfi(pictures(6))} {lavfi(beeps(6))} -c:v mpeg4 -bf 2 -c:a mp3 @b-frames.avi"],
        Expected(length=6, flashes=odd_times(6), beeps=odd_times(6)),
        pictures(6),
    ),
    Odd(
        "h264.avi",
        [f"{lavfi(pictures(6))} {lavfi(beeps(6))} -c:v libx264 -preset veryfast -c:a mp3 @h264.avi"],
        Expected(length=6, flashes=odd_times(6), beeps=odd_times(6)),
        pictures(6),
    ),
    Odd(
        "no-index.avi",
        [
            f"{lavfi(pictures(6))} {lavfi(beeps(6))} -c:v mpeg4 -c:a mp3 @with-index.avi",
            partial(without_times, "no-index.avi", "with-index.avi"),
        ],
        Expected(length=6, flashes=odd_times(6), beeps=odd_times(6)),
        pictures(6),
    ),
    Odd(
        "wraps.ts",
        [f"{lavfi(pictures(6))} {lavfi(beeps(6))} {X264} -c:a aac -output_ts_offset 95440 @wraps.ts"],
        Expected(length=6, flashes=odd_times(6), beeps=odd_times(6)),
        pictures(6),
    ),
]

FILES = [*APPENDED, *TIMELESS]
