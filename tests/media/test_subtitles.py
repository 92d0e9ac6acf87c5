"""Text subtitles: from every format that holds text, at the right time, as text that WebVTT can hold."""

from fractions import Fraction
from pathlib import Path

import pytest

from shared.media.planning.plan import plan
from shared.media.subtitles.extraction import extract_subtitles
from shared.media.subtitles.markup import webvtt_text
from shared.media.subtitles.webvtt import HEADER, Cue, webvtt
from tests.films.film import tracks_file
from tests.media.clips import cached, clip, ffmpeg

GERMAN = [
    ("00:00:00.500 --> 00:00:02.000", "Guten <b>Tag</b> &amp; <i>willkommen</i>\nin der Wüste"),
    ("00:00:01.500 --> 00:00:03.000", "5 &lt; 6"),
    ("00:00:20.000 --> 00:00:28.000", "Bis zum Ende"),
]


def cues(source: Path, folder: Path, number: int = 1) -> list[tuple[str, str]]:
    """Times and text of each cue of a track."""
    files = {each.rendition: each for each in extract_subtitles(str(source), plan(str(source)), folder)}
    if (file := files.get(f"subtitles-{number}")) is None:
        return []
    head, *blocks = Path(file.path).read_text().split("\n\n")
    assert f"{head}\n" == HEADER
    assert file.cues == len(blocks)
    return [(lines[0], lines[1].rstrip("\n")) for lines in (block.split("\n", 1) for block in blocks)]


def with_text(name: str, words: str, codec: str, more: str = "") -> Path:
    """4 s of picture with a track of text."""

    def make(path: Path) -> None:
        written = path.with_suffix(".ass" if words.startswith("[") else ".srt")
        written.write_text(words)
        picture = clip("silent.mp4", frames=100, audio="")
        ffmpeg(
            *more.split(),
            "-i",
            picture,
            "-i",
            written,
            "-map",
            "0:v",
            "-map",
            "1:s",
            *f"-c copy -c:s {codec}".split(),
            path,
        )
        written.unlink()

    return cached(name, (words, codec, more), make)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("t.mkv", "srt"), ("t.mkv", "ass"), ("t.mkv", "webvtt"), ("t.mp4", "mov_text"), ("t.mov", "mov_text")],
)
def test_every_format(name: str, codec: str, tmp_path: Path) -> None:
    found = cues(tracks_file(f"{codec}-{name}", codec), tmp_path)
    if codec == "mov_text":  # its samples cannot overlap: FFmpeg ended the first cue where the second begins
        assert found[0] == ("00:00:00.500 --> 00:00:01.500", GERMAN[0][1])
    elif codec == "webvtt":  # FFmpeg wrote "<" as it is, which begins a tag
        assert found[0] == GERMAN[0]
        del found[1]
        assert found == [GERMAN[0], GERMAN[2]]
        return
    else:
        assert found[0] == GERMAN[0]
    assert found[1:] == GERMAN[1:]


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H0,&H0,&H0,&H0,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,Later
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8\\b1}Top{\\b0}, with comma\\Nand {\\i1}slanted
Dialogue: 1,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8\\b1}Top{\\b0}, with comma\\Nand {\\i1}slanted
Dialogue: 0,0:00:03.00,0:00:03.50,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
""".replace("\\\n", "").replace("\\\\", "\\")


def test_ass_loses_its_markup_its_drawings_and_its_layers(tmp_path: Path) -> None:
    assert cues(with_text("t.mkv", ASS, "ass"), tmp_path) == [
        ("00:00:01.000 --> 00:00:02.500", "<b>Top</b>, with comma\nand <i>slanted</i>"),
        ("00:00:02.000 --> 00:00:03.000", "Later"),
    ]


def test_times_are_those_of_the_published_timeline(tmp_path: Path) -> None:
    """The picture begins 1 s into the file, and with it the timeline; what was before it is not shown."""
    words = (
        "1\n00:00:00,100 --> 00:00:00,900\nbefore\n\n2\n00:00:00,500 --> 00:00:02,000\nacross\n\n"
        "3\n00:00:03,000 --> 00:00:03,250\nin it\n\n4\n00:00:09,000 --> 00:00:10,000\nafter\n"
    )
    found = cues(with_text("late.mkv", words, "srt", "-itsoffset 1"), tmp_path)
    assert found == [("00:00:00.000 --> 00:00:01.000", "across"), ("00:00:02.000 --> 00:00:02.250", "in it")]


def test_of_recordings_that_were_joined_each_has_its_words(tmp_path: Path) -> None:
    """The clock starts anew, and the second half's words go with its pictures."""
    half = with_text("half.mkv", "1\n00:00:01,000 --> 00:00:02,000\nhello\n", "srt")
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(half.read_bytes() * 2)
    assert cues(joined, tmp_path / "out") == [
        ("00:00:01.000 --> 00:00:02.000", "hello"),
        ("00:00:05.000 --> 00:00:06.000", "hello"),
    ]


def test_damaged_text_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    words = "1\n00:00:01,000 --> 00:00:02,000\nGr\N{LATIN SMALL LETTER U WITH DIAERESIS}sse\n"
    for codec, name in (("srt", "t.mkv"), ("mov_text", "t.mp4")):
        good = with_text(name, words, codec)
        bad = tmp_path / name
        data = good.read_bytes()
        assert data.count("Grüsse".encode()) == 1
        bad.write_bytes(data.replace("Grüsse".encode(), b"Gr\xfc\xfcsse"))
        ((_, text),) = cues(bad, tmp_path / codec)
        assert text == "Gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}sse"


def test_a_track_without_a_cue_has_no_file(tmp_path: Path) -> None:
    drawing = "".join(line for line in ASS.splitlines(keepends=True) if ",0,0,0,," not in line or "\\p1" in line)
    assert cues(with_text("empty.mkv", drawing, "ass"), tmp_path) == []


def test_without_a_track_nothing_is_read(tmp_path: Path) -> None:
    planned = plan(str(clip("silent.mp4", frames=30, audio="")))
    assert extract_subtitles("/nowhere", planned, tmp_path) == []


@pytest.mark.parametrize(
    ("ass", "text"),
    [
        ("plain", "plain"),
        (r"one\Ntwo\nthree\hfour", "one\ntwo\nthree\N{NO-BREAK SPACE}four"),
        (r"\N\Nnot\N \Nthe end\N", "not\nthe end"),
        ("a & b < c > d -->", "a &amp; b &lt; c &gt; d --&gt;"),
        (r"{\b1}{\i1}both{\b0} one{\i0} none", "<b><i>both</i></b><i> one</i> none"),
        (r"{\b1}over\Nlines", "<b>over</b>\n<b>lines</b>"),
        (r"{\b700\u1}heavy{\r} light", "<b><u>heavy</u></b> light"),
        (r"{\bord3\blur2\fscx90\pos(1,2)\iclip(1,2)}still", "still"),
        (r"{\pos(1,2)\p1}m 0 0 l 1 1{\p0}text", "text"),
        (r"{\p2}m 0 0 l 1 1", ""),
        (r"\{no markup\} and \\ too", "{no markup} and \\ too"),
        (r"{\b1}{\b0}", ""),
        ("\0bell\x07", "bell"),
        ("", ""),
    ],
)
def test_markup(ass: str, text: str) -> None:
    assert webvtt_text(ass) == text


def test_times_are_rounded_to_thousandths() -> None:
    file = webvtt([Cue(Fraction(3_599_9996, 10_000), Fraction(7200), "x")])
    assert "01:00:00.000 --> 02:00:00.000\nx\n" in file
