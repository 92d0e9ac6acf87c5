"""The arithmetic of a plan, over whatever timestamps a file may have."""

from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.media.audio.timing import boundaries, samples
from shared.media.encode.cmaf import ticks
from shared.media.model import FRAME_SAMPLES, TIMESCALE, AudioTrack, Plan, Ratio, ScanResult, SourceInfo
from shared.media.mp4 import spread
from shared.media.planning.build import build_plan
from shared.media.planning.cuts import choose_cuts, pictures_between, thin_out
from shared.media.planning.frame_rate import typical_rate
from shared.media.planning.ladder import ladder, level

TIME_BASES = st.sampled_from(
    [
        Fraction(1, 90_000),
        Fraction(1, 1000),
        Fraction(1, 12_800),
        Fraction(1001, 30_000),
        Fraction(1, 25),
        Fraction(1, 1),
    ]
)


@st.composite
def timelines(draw: st.DrawFn) -> tuple[list[int], list[int], int, Fraction]:
    """Sorted pts, the keyframes among them, the end, and the time base."""
    time_base = draw(TIME_BASES)
    usual = max(1, round(Fraction(draw(st.sampled_from([1, 5, 10, 25, 60])) ** -1) / time_base))
    steps = draw(st.lists(st.integers(1, 3).map(lambda n: n * usual) | st.integers(1, 40 * usual), max_size=300))
    pts = [draw(st.integers(-(10**6), 10**9))]
    for step in steps:
        pts.append(pts[-1] + step)
    every = draw(st.integers(1, 60))
    keyframes = [value for place, value in enumerate(pts) if place % every == 0 or draw(st.integers(0, 50)) == 0]
    return pts, keyframes, pts[-1] + usual, time_base


def a_plan(
    pts: list[int], keyframes: list[int], end: int, time_base: Fraction, start: int | None = None, **more: object
) -> Plan:
    rate = typical_rate(pts, time_base, Fraction(0))
    info = SourceInfo(
        container="mov,mp4",
        video_codec="h264",
        width=1920,
        height=1080,
        rotation=0,
        time_base=Ratio(time_base.numerator, time_base.denominator),
        frame_rate=Ratio(rate.numerator, rate.denominator),
        container_start=0.0,
        frames=len(pts),
        start_pts=pts[0],
        end_pts=end,
        interlaced=False,
        hdr="",
        seekable=True,
        audio=[AudioTrack("audio", 1, "aac", 2, 48_000)],
    )
    scanned = msgspec.structs.replace(info, **more)
    return build_plan(ScanResult(pts, keyframes, pts[0] if start is None else start, end, scanned))


@given(timelines(), st.integers(0, 100), st.integers(0, 100), st.data())
@settings(deadline=None)
def test_cuts(
    timeline: tuple[list[int], list[int], int, Fraction], before: int, after: int, data: st.DataObject
) -> None:
    """Of a timeline on which sound may begin before the pictures, and end after them."""
    pts, keyframes, end, time_base = timeline
    start, end = pts[0] - int(before / time_base), end + int(after / time_base)
    holes = sorted(data.draw(st.sets(st.sampled_from(pts), max_size=5)))
    cuts = choose_cuts(pts, keyframes, (start, end), time_base, holes)
    assert (cuts[0], cuts[-1]) == (start, end)
    assert all(one < other for one, other in pairwise(cuts))
    shown = pictures_between(pts, cuts)
    assert all(times[0] == cut for times, cut in zip(shown, cuts, strict=False)), "a picture stands at each cut"
    assert {value for times in shown for value in times} >= {value for value in pts[1:] if value < end}
    for one, other in pairwise(cuts):
        assert (other - one) * time_base <= 14 or other - one == 1
    for one, other in pairwise(cuts[:-1]):
        assert (other - one) * time_base >= Fraction(69, 10) or other in holes or time_base == 1


@given(st.integers(1, 250), st.integers(1, 3000))
def test_keyframes_are_used_where_they_are_near(gop: int, frames: int) -> None:
    pts = list(range(frames))
    cuts = choose_cuts(pts, pts[::gop], (0, frames), Fraction(1, 25), [])
    for before, after in pairwise(cuts[:-1]):
        near = [key for key in pts[::gop] if 175 <= key - before <= 325]
        assert (after in near) if near else (after - before == 250)
        assert all(abs(after - before - 250) <= abs(key - before - 250) for key in near)


def test_a_hole_ends_a_segment() -> None:
    """So that no B-frame reaches over it; where holes are common, there are no B-frames at all."""
    pts = [n for n in range(0, 1500, 2) if not 400 <= n < 700]
    plan = a_plan(pts, [0], 1500, Fraction(1, 50))
    assert 700 in plan.cuts
    assert plan.delay == 2 * 90_000 // 25
    pts = [n for n in range(0, 1500, 2) if n % 100 < 60]
    plan = a_plan(pts, [0], 1500, Fraction(1, 50))
    assert plan.delay == 0
    assert plan.output_frame_rate.fraction() == 25


def test_the_first_picture_stands_before_the_film_and_the_last_one_after_it() -> None:
    plan = a_plan([1000, 1001], [1000], 1600, Fraction(1, 25), start=0)
    assert plan.cuts == [0, 250, 500, 750, 1000, 1250, 1500, 1600]
    assert plan.first == [1000, 1000, 1000, 1000, 1000, 1001, 1001]
    assert plan.repeats == [2, 2, 2, 2, 2, 2, 1]
    assert plan.frames == [3, 3, 3, 3, 4, 3, 2]
    assert plan.delay == 0
    assert plan.seeks[:5] == [None] * 5


@given(timelines(), st.booleans())
@settings(deadline=None)
def test_a_plan_holds_together(timeline: tuple[list[int], list[int], int, Fraction], seekable: bool) -> None:
    pts, keyframes, end, time_base = timeline
    plan = a_plan(pts, keyframes, end, time_base, seekable=seekable)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    assert len(plan.frames) == len(plan.seeks) == plan.segments
    assert len(plan.first) == plan.segments
    assert plan.seeks[0] is None
    for index in range(plan.segments):
        seek = plan.seeks[index]
        assert seek is None or seek <= plan.first[index] <= plan.cuts[index]
        assert plan.seconds(plan.cuts[index + 1]) - plan.seconds(plan.cuts[index]) <= plan.target_duration
    edges = [ticks(plan, cut) for cut in plan.cuts]
    assert edges[0] == 0
    assert edges[-1] == round((end - pts[0]) * time_base * TIMESCALE)
    sound = boundaries(plan)
    assert sound[0] == 0
    assert sound[-1] * FRAME_SAMPLES >= samples(plan)
    assert all(before <= after for before, after in pairwise(sound))
    for cut, edge in zip(plan.cuts[:-1], sound, strict=False):
        late = Fraction(edge * FRAME_SAMPLES, 48_000) - (cut - plan.cuts[0]) * time_base
        assert 0 <= late < Fraction(FRAME_SAMPLES, 48_000)
    for before, after in pairwise(sound):
        assert (after - before) * FRAME_SAMPLES / 48_000 <= plan.target_duration


@given(timelines(), st.integers(1, 60))
@settings(deadline=None)
def test_thinning_keeps_the_cuts_and_the_rate(timeline: tuple[list[int], list[int], int, Fraction], cap: int) -> None:
    pts, keyframes, end, time_base = timeline
    cuts = choose_cuts(pts, keyframes, (pts[0], end), time_base, [])
    kept = thin_out(pts, cuts, time_base, cap)
    assert set(cuts[:-1]) & set(pts) <= set(kept) <= set(pts)
    assert kept == sorted(kept)
    for before, after in pairwise(cuts):
        inside = [value for value in kept if before <= value < after]
        assert len(inside) <= (after - before) * time_base * cap + 2


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([24, 25, 30, 50, 60]))
def test_rungs(width: int, height: int, rate: int) -> None:
    rungs = ladder(width, height, Fraction(rate))
    names = [rung.name for rung in rungs]
    assert len(set(names)) == len(names) > 0
    assert [r.width * r.height for r in rungs] == sorted((r.width * r.height for r in rungs), reverse=True)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(width, 2)
        assert rung.height <= max(height, 2)
        assert min(rung.width, rung.height) <= 1080
        if min(width, height) * 20 >= max(width, height) and min(width, height) > 100:
            assert rung.width / rung.height == pytest.approx(width / height, rel=0.15)


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (3840, 2160, {"1080p": (1920, 1080), "720p": (1280, 720), "480p": (854, 480), "360p": (640, 360)}),
        (1920, 1080, {"1080p": (1920, 1080), "720p": (1280, 720), "480p": (854, 480), "360p": (640, 360)}),
        (1080, 1920, {"1080p": (1080, 1920), "720p": (720, 1280), "480p": (480, 854), "360p": (360, 640)}),
        (1920, 800, {"1080p": (1920, 800), "720p": (1280, 534), "480p": (854, 356), "360p": (640, 266)}),
        (2560, 1080, {"1080p": (1920, 810), "720p": (1280, 540), "480p": (854, 360), "360p": (640, 270)}),
        (1440, 1080, {"1080p": (1440, 1080), "720p": (960, 720), "480p": (640, 480), "360p": (480, 360)}),
        (1280, 720, {"720p": (1280, 720), "480p": (854, 480), "360p": (640, 360)}),
        (1279, 719, {"720p": (1278, 718), "480p": (854, 480), "360p": (640, 360)}),
        (1916, 796, {"1080p": (1916, 796), "720p": (1280, 532), "480p": (854, 354), "360p": (640, 266)}),
        (1200, 650, {"480p": (854, 462), "360p": (640, 346)}),
        (640, 480, {"480p": (640, 480), "360p": (480, 360)}),
        (640, 360, {"360p": (640, 360)}),
        (321, 239, {"238p": (320, 238)}),
        (1, 1, {"2p": (2, 2)}),
    ],
)
def test_ladders(width: int, height: int, sizes: dict[str, tuple[int, int]]) -> None:
    assert {r.name: (r.width, r.height) for r in ladder(width, height, Fraction(25))} == sizes


@pytest.mark.parametrize(
    ("width", "height", "rate", "wanted"),
    [
        (1920, 1080, 30, "4.0"),
        (1920, 1080, 60, "4.2"),
        (1280, 720, 30, "3.1"),
        (1280, 720, 60, "3.2"),
        (854, 480, 30, "3.1"),
        (640, 360, 25, "3.0"),
    ],
)
def test_levels(width: int, height: int, rate: int, wanted: str) -> None:
    assert level(width, height, Fraction(rate), 1000) == wanted


@given(st.lists(st.integers(-50, 5000), min_size=1, max_size=200), st.integers(0, 1000), st.integers(0, 5000))
def test_spread(pts: list[int], start: int, spare: int) -> None:
    """Whatever times an encoder gave: in the same order, all different, from the start on and before the end."""
    end = start + len(pts) + spare
    placed = spread(pts, start, end)
    assert min(placed) == start
    assert max(placed) < end
    assert len(set(placed)) == len(pts)
    by_source = sorted(range(len(pts)), key=lambda place: pts[place])
    assert [placed[place] for place in by_source] == sorted(placed)
    exact = sorted(set(pts))
    if len(exact) == len(pts) and exact[0] == start and exact[-1] < end:
        assert placed == pts, "times that fit are left alone"
