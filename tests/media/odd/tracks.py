"""Files with several sound tracks, subtitles and chapters."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi, odd_times, pictures

FILM = Expected(length=6, flashes=odd_times(6), beeps=odd_times(6))


class Track(Struct, frozen=True):
    language: str  # as the file says it: ISO 639-2
    spoken: str  # as the platform must say it: BCP 47
    name: str
    tone: int  # Hz


class Several(Struct, frozen=True):
    odd: Odd
    tracks: Sequence[Track]  # the default one first


ENGLISH = Track("eng", "en", "Original", 1_000)
GERMAN = Track("ger", "de", "Deutsch", 400)
COMMENT = Track("fre", "fr", "Commentaire", 600)


def _several(name: str, tracks: Sequence[Track], default: int, codec: str = "aac", names: bool = True) -> Several:
    sounds = [lavfi(beeps(6).replace("1000", str(track.tone))) for track in tracks]
    words = []
    for at, track in enumerate(tracks):
        words.append(f"-metadata:s:a:{at} language={track.language}")
        if names:
            words.append(f"-metadata:s:a:{at} title={track.name} -metadata:s:a:{at} handler_name={track.name}")
        words.append(f"-disposition:a:{at} {'default' if at == default else 0}")
    maps = " ".join(f"-map {at}" for at in range(len(tracks) + 1))
    command = f"{lavfi(pictures(6))} {' '.join(sounds)} {maps} {X264} -c:a {codec} {' '.join(words)} @{name}"
    order = [tracks[default], *[track for at, track in enumerate(tracks) if at != default]]
    return Several(Odd(name, [command], FILM), order)


SEVERAL = [
    _several("languages.mkv", [ENGLISH, GERMAN, COMMENT], default=0),
    _several("second-default.mkv", [GERMAN, ENGLISH], default=1, codec="ac3"),
    _several("languages.mp4", [ENGLISH, GERMAN], default=0),
    _several("second-default.mp4", [GERMAN, ENGLISH], default=1),
    _several("languages.ts", [ENGLISH, GERMAN], default=0, names=False),
]

SRT = """1
00:00:01,000 --> 00:00:02,500
Good <i>evening</i>

2
00:00:03,000 --> 00:00:05,000
Straße & 東京
"""


def write_subtitles(folder: Path) -> None:
    (folder / "words.srt").write_text(SRT)


def write_chapters(folder: Path) -> None:
    (folder / "chapters.txt").write_text(
        ";FFMETADATA1\n"
        + "".join(
            f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={begin}\nEND={end}\ntitle={title}\n"
            for begin, end, title in [(0, 2_000, "Beginning"), (2_000, 6_000, "Ende ä")]
        )
    )


MADE = f"{lavfi(pictures(6))} {lavfi(beeps(6))} {X264} -c:a aac @film.mp4"
SUBTITLED = [
    Odd(
        name,
        [
            MADE,
            partial(write_subtitles),
            f"-i @film.mp4 -i @words.srt -map 0 -map 1 -c copy -c:s {codec} -metadata:s:s:0 language=ger @{name}",
        ],
        FILM,
    )
    for name, codec in [
        ("mov-text.mp4", "mov_text"),
        ("srt.mkv", "srt"),
        ("ass.mkv", "ass"),
        ("webvtt.mkv", "webvtt"),
        ("mov-text.mov", "mov_text"),
    ]
]
CHAPTERS = [
    Odd(
        f"chapters.{suffix}",
        [
            MADE,
            partial(write_chapters),
            f"-i @film.mp4 -i @chapters.txt -map 0 -map_metadata 1 -c copy @chapters.{suffix}",
        ],
        FILM,
    )
    for suffix in ("mkv", "mp4", "mov")
]
