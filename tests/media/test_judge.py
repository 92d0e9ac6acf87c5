"""The judge itself: it finds nothing in a film that was published whole, and each fault that it is there for."""

from pathlib import Path

import pytest

from tests.media.clips import cached, ffmpeg
from tests.media.judge.container import Track, assert_steady
from tests.media.judge.shape import circle, shapes
from tests.media.judge.verdict import Expected, expected_of, judge
from tests.media.odd.making import X264, beeps, pictures
from tests.media.published import Result, publish

STEREO = beeps(6, channels="{}|0", layout="stereo")


def _film(name: str, before_sound: str = "", sound: str = STEREO, shown: str = "") -> Path:
    video, audio = shown or pictures(6), ["-c:a", "flac"]
    arguments = ["-f", "lavfi", "-i", video, *before_sound.split(), "-f", "lavfi", "-i", sound, *X264.split(), *audio]
    return cached(name, arguments, lambda path: ffmpeg(*arguments, path))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return publish(_film("judged.mkv"), tmp_path_factory.mktemp("judged"))


def test_nothing_is_wrong_with_a_film_that_is_whole(published: Result, tmp_path: Path) -> None:
    out = Path(published.video[0].path).parent
    judge(published, expected_of(_film("judged.mkv")), out)


@pytest.mark.parametrize(
    ("name", "film", "fault"),
    [
        ("late-sound.mkv", {"before_sound": "-itsoffset 0.08"}, r"segments: beep at .*1\.000.*, not 1\.080"),
        ("early-sound.mkv", {"sound": STEREO.replace("t+1,", "t+1.08,")}, r"segments: beep at .*, not 0\.9"),
        (
            "late-picture.mkv",
            {"shown": pictures(6).replace("t+1.0001", "t+0.9201")},
            r"flash at .*not 1\.080",
        ),
        ("longer.mkv", {"shown": pictures(7)}, r"segments: it is .*, not 7\.0"),
        (
            "swapped.mkv",
            {"sound": STEREO.replace("c=stereo", "c=stereo,pan=stereo|c0=c1|c1=c0")},
            "the left channel has",
        ),
        ("quiet.mkv", {"sound": f"{STEREO},volume=0.5"}, "the left channel has a loudness"),
        ("dark.mkv", {"shown": f"{pictures(6)},eq=brightness=-0.2"}, "a mean luma of"),
    ],
)
def test_each_fault_is_found(published: Result, name: str, film: dict[str, str], fault: str) -> None:
    """What was published is compared with a source that differs in one thing."""
    with pytest.raises(AssertionError, match=fault):
        judge(published, expected_of(_film(name, **film)))


def test_a_flash_that_is_missing_is_found(published: Result) -> None:
    with pytest.raises(AssertionError, match="segments: flash at"):
        judge(published, Expected(length=6, flashes=[1.0, 3.0]))


@pytest.mark.parametrize(("drawn", "roundness"), [("1", 1.0), ("4/3", 0.75), ("1/2", 2.0)])
def test_a_squashed_circle_is_found(drawn: str, roundness: float) -> None:
    graph = f"color=black:s=320x180:r=25:d=0.2,{circle(drawn)}"
    path = cached("circle.mkv", graph, lambda path: ffmpeg("-f", "lavfi", "-i", graph, *X264.split(), path))
    (found,) = shapes(path, 0.1)
    assert found.roundness == pytest.approx(roundness, rel=0.03)
    assert found.marked == "top left"


@pytest.mark.parametrize(("flip", "corner"), [("hflip", "top right"), ("vflip", "bottom left"), ("null", "top left")])
def test_a_mirrored_mark_is_found(flip: str, corner: str) -> None:
    graph = f"color=black:s=320x180:r=25:d=0.2,{circle()},{flip}"
    path = cached("mark.mkv", graph, lambda path: ffmpeg("-f", "lavfi", "-i", graph, *X264.split(), path))
    assert [shape.marked for shape in shapes(path, 0.1)] == [corner]


STEADY = Track(90_000, 7_200, [0, 3_600, 7_200], [3_600] * 3, [7_200, 14_400, 3_600])


@pytest.mark.parametrize(
    ("track", "fault"),
    [
        (STEADY._replace(edit=0), "edit list of 0, planned were 7200"),
        (STEADY._replace(decode=[0, 7_200, 3_600]), "decode times must rise"),
        (STEADY._replace(offset=[7_200, -3_600, 3_600]), "a composition offset of -3600"),
        (STEADY._replace(offset=[7_200, 450_000, 3_600]), "shown 5.000 s after it was decoded"),
        (STEADY._replace(offset=[7_200, 3_600, 3_600]), "two pictures at one time"),
    ],
)
def test_unsteady_tracks_are_found(track: Track, fault: str) -> None:
    assert_steady(STEADY, 7_200, 25)
    with pytest.raises(AssertionError, match=fault):
        assert_steady(track, 7_200, 25)
