"""Which of several streams is the film, and streams that change on the way."""

from functools import partial
from pathlib import Path

from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi, odd_times, pictures

FILM = Expected(length=6, flashes=odd_times(6), beeps=odd_times(6))
MADE = f"{lavfi(pictures(6))} {lavfi(beeps(6))} {X264} -c:a aac @film.mp4"
COVER = f"{lavfi('color=orange:s=300x300:r=1:d=1')} -frames:v 1"


def _covered(name: str, cover: str, mapping: str) -> Odd:
    first = f"{COVER} @cover.{cover}"
    return Odd(name, [first, MADE, f"-i @cover.{cover} -i @film.mp4 {mapping} -c copy @{name}"], FILM, pictures(6))


FIRST = "-map 0:v -map 1:v -map 1:a"
COVERS = [
    _covered("cover-first.mkv", "jpg", f"{FIRST} -disposition:v:0 0 -disposition:v:1 default"),
    _covered("cover-first.mp4", "jpg", f"{FIRST} -disposition:v:0 0 -disposition:v:1 default"),
    _covered("cover-first.mov", "png", f"{FIRST} -disposition:v:0 0 -disposition:v:1 0"),
    _covered("cover-no-word.mkv", "jpg", f"{FIRST} -disposition:v 0"),
    _covered("cover-png.mkv", "png", f"{FIRST} -disposition:v 0"),
    _covered("cover-default.mkv", "jpg", f"{FIRST} -disposition:v:0 default -disposition:v:1 0"),
    _covered("cover-default.mp4", "jpg", f"{FIRST} -disposition:v:0 default -disposition:v:1 0"),
    _covered("cover-attached.mp4", "jpg", f"{FIRST} -disposition:v:0 attached_pic -disposition:v:1 default"),
    _covered("cover-last.mp4", "jpg", "-map 1:v -map 1:a -map 0:v -disposition:v:1 attached_pic"),
    _covered("cover-last.mkv", "png", "-map 1:v -map 1:a -map 0:v -disposition:v:1 default -disposition:v:0 0"),
]

SECOND_FILM = lavfi("color=green:s=320x180:r=25:d=6")
MORE_PICTURES = [
    Odd(
        "default-second.mkv",
        [
            f"{SECOND_FILM} {lavfi(pictures(6))} {lavfi(beeps(6))} -map 0 -map 1 -map 2 {X264} -c:a aac "
            "-disposition:v:0 0 -disposition:v:1 default @default-second.mkv"
        ],
        FILM,
        pictures(6),
    ),
    Odd(
        "default-fewer.mkv",
        [
            f"{lavfi('color=green:s=320x180:r=50:d=6')} {lavfi(pictures(6))} {lavfi(beeps(6))} -map 0 -map 1 -map 2 "
            f"{X264} -c:a aac -disposition:v:0 0 -disposition:v:1 default @default-fewer.mkv"
        ],
        FILM,
        pictures(6),
    ),
    Odd(
        "few-pictures-first.mkv",
        [
            f"{lavfi('color=green:s=320x180:r=1/2:d=6')} {lavfi(pictures(6))} {lavfi(beeps(6))} -map 0 -map 1 -map 2 "
            f"{X264} -c:a aac -disposition:v 0 @few-pictures-first.mkv"
        ],
        FILM,
        pictures(6),
    ),
]

HUM = lavfi("sine=300:d=6")
SOUNDS = [
    Odd(
        f"{name}.{suffix}",
        [f"{lavfi(pictures(6))} {inputs} -map 0 -map 1 -map 2 {X264} -c:a aac {words} @{name}.{suffix}"],
        expected,
    )
    for name, inputs, words, expected in [
        (
            "comment-early",  # the film's sound starts half a second late
            f"-itsoffset 0.5 {lavfi(beeps(5))} {HUM}",
            "-disposition:a:0 default -disposition:a:1 comment",
            Expected(length=6, flashes=odd_times(6), beeps=[1.5, 3.5]),
        ),
        (
            "comment-first",
            f"{HUM} {lavfi(beeps(6))}",
            "-disposition:a:0 comment -disposition:a:1 default",
            FILM,
        ),
        ("second-default", f"{HUM} {lavfi(beeps(6))}", "-disposition:a:0 0 -disposition:a:1 default", FILM),
        ("none-default", f"{lavfi(beeps(6))} {HUM}", "-disposition:a 0", FILM),
        (
            "first-late",
            f"-itsoffset 1 {lavfi(beeps(4))} {HUM}",
            "-disposition:a 0",
            Expected(length=6, flashes=odd_times(6), beeps=[2.0, 4.0]),
        ),
    ]
    for suffix in ("mkv", "mp4")
]

TWO_PROGRAMMES = [
    Odd(
        "two-programmes.ts",
        [
            f"{lavfi(pictures(6))} {lavfi(beeps(6))} {lavfi('color=green:s=160x90:r=25:d=6')} {HUM} "
            f"-map 0 -map 1 -map 2 -map 3 {X264} -c:a aac -program program_num=1:st=0:st=1 "
            "-program program_num=2:st=2:st=3 @two-programmes.ts"
        ],
        FILM,
        pictures(6),
    ),
    Odd(
        "two-programmes-crossed.ts",  # the other programme's sound comes first in the file
        [
            f"{HUM} {lavfi(pictures(6))} {lavfi(beeps(6))} {lavfi('color=green:s=160x90:r=5:d=6')} "
            f"-map 0 -map 1 -map 2 -map 3 {X264} -c:a aac -program program_num=1:st=1:st=2 "
            "-program program_num=2:st=3:st=0 @two-programmes-crossed.ts"
        ],
        FILM,
        pictures(6),
    ),
]


def joined(name: str, folder: Path, parts: tuple[str, ...]) -> None:
    (folder / name).write_bytes(b"".join((folder / part).read_bytes() for part in parts))


def changing(name: str, *codecs: str, sounds: tuple[str, ...] = ("mono",)) -> Odd:
    """Pieces of 6 s, the clock going on, each with other codecs: a broadcast between two programmes."""
    parts = tuple(f"{number}.ts" for number in range(len(codecs)))
    steps = []
    for number, (part, codec) in enumerate(zip(parts, codecs, strict=True)):
        sound = sounds[number % len(sounds)]
        layout = {"mono": "{}", "stereo": "{}|{}", "5.1": "{}|{}|0|0|0|0"}[sound]
        made = f"{lavfi(pictures(6))} {lavfi(beeps(6, channels=layout, layout=sound))} {codec}"
        steps.append(f"{made} -output_ts_offset {6 * number} @{part}")
    length = 6 * len(codecs)
    expected = Expected(length=length, flashes=odd_times(length), beeps=odd_times(length), length_tolerance=0.1)
    shown = ";".join(f"{pictures(6)}[v{n}]" for n in range(len(codecs)))
    shown += ";" + "".join(f"[v{n}]" for n in range(len(codecs))) + f"concat=n={len(codecs)}"
    return Odd(name, [*steps, partial(joined, name, parts=parts)], expected, shown)


V = f"{X264} -g 50 -bf 0"
HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=none"
CHANGES = [
    changing("ac3-aac.ts", f"{V} -c:a ac3", f"{V} -c:a aac"),
    changing("aac-ac3.ts", f"{V} -c:a aac", f"{V} -c:a ac3"),
    changing("mp2-aac-mp2.ts", f"{V} -c:a mp2", f"{V} -c:a aac", f"{V} -c:a mp2"),
    changing("aac-eac3.ts", f"{V} -c:a aac", f"{V} -c:a eac3"),
    changing("mpeg2-h264.ts", "-c:v mpeg2video -c:a mp2", f"{V} -c:a mp2"),
    changing("h264-mpeg2.ts", f"{V} -c:a aac", "-c:v mpeg2video -c:a aac"),
    changing("h264-hevc.ts", f"{V} -c:a aac", f"{HEVC} -c:a aac"),
    changing("pids.ts", f"{V} -c:a aac", f"{V} -c:a aac -streamid 0:0x234 -streamid 1:0x235"),
    changing("sound-pid.ts", f"{V} -c:a aac", f"{V} -c:a aac -streamid 1:0x235"),
    changing("picture-pid.ts", f"{V} -c:a aac", f"{V} -c:a aac -streamid 0:0x234"),
    changing("layouts-ac3.ts", *[f"{V} -c:a ac3"] * 3, sounds=("stereo", "5.1", "mono")),
    changing("layouts-aac.ts", *[f"{V} -c:a aac"] * 3, sounds=("stereo", "5.1", "mono")),
    changing("rates.ts", f"{V} -c:a aac -ar 44100", f"{V} -c:a aac -ar 48000", f"{V} -c:a aac -ar 32000"),
    changing("frame-rates.ts", f"{V} -r 25 -c:a aac", f"{V} -r 50 -c:a aac"),
    changing("sound-begins.ts", f"{V} -an", f"{V} -c:a aac"),
]
CHANGES[-1] = Odd(
    "sound-begins.ts",
    CHANGES[-1].steps,
    Expected(length=12, flashes=odd_times(12), beeps=odd_times(12, 6), length_tolerance=0.1),
    CHANGES[-1].shown,
)

FILES = [*COVERS, *MORE_PICTURES, *SOUNDS, *TWO_PROGRAMMES]
