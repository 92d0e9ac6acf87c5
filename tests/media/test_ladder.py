"""Which rungs a picture gets where LADDER names others than the usual four."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from shared.config import SETTINGS, choices
from shared.config.kinds import Choices, ConfigError
from shared.media.encode.segment import encode_segment
from shared.media.manifests import Piece, Published, hls_master
from shared.media.planning.ladder import RUNGS, STANDARD, ladder, level
from shared.media.planning.plan import plan
from tests.media.clips import clip, read_number

ALL = list(RUNGS)
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"


def sizes(width: int, height: int, names: list[str]) -> dict[str, tuple[int, int]]:
    return {rung.name: (rung.width, rung.height) for rung in ladder(width, height, Fraction(25), names)}


def test_the_setting_names_the_rungs_that_there_are() -> None:
    declared = SETTINGS["LADDER"]
    assert isinstance(declared, Choices)
    assert list(declared.of) == ALL
    assert declared.value(declared.default) == STANDARD


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("1080p,360", "LADDER='1080p,360': '360' is none of 2160p, 1440p, 1080p, 720p, 480p and 360p."),
        ("1080p,", "LADDER='1080p,': '' is none of 2160p, 1440p, 1080p, 720p, 480p and 360p."),
        ("1080P", "LADDER='1080P': '1080P' is none of 2160p, 1440p, 1080p, 720p, 480p and 360p."),
        ("720p,720p", "LADDER='720p,720p' names 720p twice."),
        ("360p,720p", "LADDER='360p,720p' is not in order: write 720p,360p."),
    ],
)
def test_a_ladder_that_cannot_be_used_is_one_sentence(
    value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADDER", value)
    with pytest.raises(ConfigError) as raised:
        choices("LADDER")
    assert str(raised.value) == sentence


def test_spaces_between_rungs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADDER", "1440p, 720p")
    assert choices("LADDER") == ["1440p", "720p"]


@pytest.mark.parametrize(
    ("width", "height", "names", "wanted"),
    [
        (3840, 2160, ["2160p", "1440p"], {"2160p": (3840, 2160), "1440p": (2560, 1440)}),
        (2160, 3840, ["2160p", "1080p"], {"2160p": (2160, 3840), "1080p": (1080, 1920)}),
        (4096, 1716, ["2160p"], {"2160p": (3840, 1608)}),
        (2560, 1440, ALL[:3], {"1440p": (2560, 1440), "1080p": (1920, 1080)}),
        (1920, 1080, ["720p"], {"720p": (1280, 720)}),
        (1280, 720, ["2160p", "1080p"], {"720p": (1280, 720)}),
        (1000, 600, ["1080p"], {"600p": (1000, 600)}),
    ],
)
def test_a_picture_gets_the_rungs_that_it_fills(
    width: int, height: int, names: list[str], wanted: dict[str, tuple[int, int]]
) -> None:
    assert sizes(width, height, names) == wanted


def test_a_picture_smaller_than_all_rungs_has_the_rates_of_its_size() -> None:
    (own,) = ladder(1000, 600, Fraction(25), ["1080p"])
    assert (own.max_rate, own.buffer_size) == (2800, 4200)
    (small,) = ladder(320, 180, Fraction(25), ["1080p"])
    assert (small.max_rate, small.buffer_size) == (800, 1200)


@pytest.mark.parametrize(
    ("name", "rate", "wanted"),
    [("1440p", 30, "5.0"), ("1440p", 60, "5.1"), ("2160p", 30, "5.1"), ("2160p", 60, "5.2")],
)
def test_levels_of_the_large_rungs(name: str, rate: int, wanted: str) -> None:
    short, long, max_rate, _ = RUNGS[name]
    assert level(long, short, Fraction(rate), max_rate) == wanted


@pytest.mark.parametrize(
    ("size", "rate", "rungs", "codecs"),
    [  # H.264 levels 5.0 and 5.2
        ((2560, 1440), "30", {"1440p": (2560, 1440), "360p": (640, 360)}, "avc1.640032"),
        ((3840, 2160), "60", {"2160p": (3840, 2160), "360p": (640, 360)}, "avc1.640034"),
    ],
)
def test_large_pictures(
    size: tuple[int, int], rate: str, rungs: dict[str, tuple[int, int]], codecs: str, tmp_path: Path
) -> None:
    source = str(clip(f"large{size[1]}-{rate}.mp4", frames=6, rate=rate, size=size, video=X264, audio=""))
    planned = plan(source, ["2160p", *rungs] if size[1] < 2160 else list(rungs))
    assert {rung.name: (rung.width, rung.height) for rung in planned.renditions} == rungs
    segments = encode_segment(source, planned, 0, list(rungs), tmp_path)
    pieces = {}
    for segment in segments:
        init, media = Path(segment.init_path).read_bytes(), Path(segment.path).read_bytes()
        whole = tmp_path / f"{segment.rendition}.mp4"
        whole.write_bytes(init + media)
        with av.open(str(whole)) as container:
            frames = list(container.decode(video=0))
        read = [read_number(bytes(f.planes[0]), f.planes[0].line_size, f.width, f.height) for f in frames]
        assert read == list(range(6))
        assert (frames[0].width, frames[0].height) == rungs[segment.rendition]
        avcc = init.index(b"avcC") + 4
        assert segment.codecs == f"avc1.{init[avcc + 1 : avcc + 4].hex()}"
        pieces[segment.rendition] = [
            Piece(0, "m", "i", segment.start, segment.duration, segment.timescale, segment.size, segment.codecs)
        ]
    assert segments[0].codecs == codecs
    width, height = size
    master = hls_master(Published(planned, pieces))
    (largest,) = [line for line in master.splitlines() if f"RESOLUTION={width}x{height}" in line]
    assert f'CODECS="{codecs}"' in largest
