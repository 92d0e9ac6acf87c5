"""Poster and storyboard show what the film shows: turned, framed, at the right time, and not black when it is not."""

from functools import cache
from itertools import pairwise, product
from pathlib import Path

import av
import pytest

from shared.media.model import TIMESCALE, Plan, Thumbnails
from shared.media.pictures.film import Film
from shared.media.pictures.packets import SeekingPackets
from shared.media.pictures.thumbnails import make_thumbnails
from shared.media.planning.plan import plan
from shared.media.probe.container import open_container
from tests.media.clips import cached, clip, damaged, ffmpeg, read_number, remuxed

X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
RARE_KEYFRAMES = f"{X264} -g 9999 -keyint_min 9999 -sc_threshold 0"
Rgb = tuple[int, int, int]
QUARTERS: dict[str, Rgb] = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def drawn(source: Path, out_dir: Path) -> tuple[Plan, Thumbnails]:
    planned = plan(str(source))
    return planned, make_thumbnails(str(source), planned, out_dir)


@cache
def pixels(path: str) -> "list[list[Rgb]]":
    """Of a JPEG, by row."""
    with av.open(path) as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    stride, data = frame.planes[0].line_size, bytes(frame.planes[0])
    return [
        [
            (data[y * stride + 3 * x], data[y * stride + 3 * x + 1], data[y * stride + 3 * x + 2])
            for x in range(frame.width)
        ]
        for y in range(frame.height)
    ]


def tile(thumbnails: Thumbnails, number: int) -> "list[list[Rgb]]":
    board = thumbnails.storyboard
    row, column = divmod(number, board.columns)
    rows = pixels(board.sheets[0])[row * board.tile_height : (row + 1) * board.tile_height]
    return [line[column * board.tile_width : (column + 1) * board.tile_width] for line in rows]


def numbers(thumbnails: Thumbnails) -> list[int]:
    """The bars of each tile."""
    board = thumbnails.storyboard
    found = []
    for number in range(board.count):
        luma = b"".join(bytes(sum(pixel) // 3 for pixel in row) for row in tile(thumbnails, number))
        found.append(read_number(luma, board.tile_width, board.tile_width, board.tile_height))
    return found


def colour(pixel: Rgb) -> str:
    """The nearest of those that the pictures are made of."""
    known = {**QUARTERS, "black": (0, 0, 0), "magenta": (255, 0, 255)}
    return min(known, key=lambda name: sum((a - b) ** 2 for a, b in zip(known[name], pixel, strict=True)))


def corners(picture: "list[list[Rgb]]") -> list[str]:
    """The colours of the quarters: top left, top right, bottom left, bottom right."""
    height, width = len(picture), len(picture[0])
    return [colour(picture[height * y // 4][width * x // 4]) for y, x in product((1, 3), repeat=2)]


def generated(name: str, graph: str, *, coding: str = X264, output: str = "") -> Path:
    return cached(
        name,
        (graph, coding, output),
        lambda path: ffmpeg("-f", "lavfi", "-i", graph, *coding.split(), *output.split(), path),
    )


def quarters(size: str = "320x240", seconds: int = 3) -> Path:
    """Red, lime, blue and white."""
    boxes = ",".join(
        f"drawbox=x=iw/2*{x}:y=ih/2*{y}:w=iw/2:h=ih/2:c={name}:t=fill"
        for (y, x), name in zip(product((0, 1), repeat=2), QUARTERS, strict=True)
    )
    return generated("quarters.mp4", f"color=black:s={size}:r=25:d={seconds},{boxes}")


def as_ffmpeg_shows_it(source: Path) -> "list[list[Rgb]]":
    """The first picture, decoded by the ffmpeg program, which turns it by itself."""
    picture = cached("shown.png", (source.name,), lambda path: ffmpeg("-i", source, "-frames:v", "1", path))
    return pixels(str(picture))


@pytest.mark.parametrize(("degrees", "flip"), [*product((0, 90, 180, 270), ("", "-display_hflip"))])
def test_turned_and_mirrored_as_the_film(degrees: int, flip: str, tmp_path: Path) -> None:
    turned = remuxed("turned.mov", quarters(), before=f"-display_rotation:v {degrees} {flip}")
    planned, thumbnails = drawn(turned, tmp_path)
    wanted = as_ffmpeg_shows_it(turned)
    poster = pixels(thumbnails.poster_path)
    assert (len(poster[0]), len(poster)) == (planned.source.width, planned.source.height)
    assert (len(poster[0]), len(poster)) == (len(wanted[0]), len(wanted))
    assert corners(poster) == corners(wanted)
    assert corners(tile(thumbnails, 1)) == corners(wanted)


@pytest.mark.parametrize("matrix", ["unknown", "bt709"])
def test_colours_are_those_of_the_film(matrix: str, tmp_path: Path) -> None:
    """BT.709, which players also assume where nothing is said of a picture of this size, becomes the BT.601 of JPEG."""
    coding = f"-vf scale=out_color_matrix=bt709,format=yuv420p,setparams=colorspace={matrix} {X264}"
    source = generated("green.mp4", "color=0x20C040:s=1280x720:r=25:d=1,format=gbrp", coding=coding)
    _, thumbnails = drawn(source, tmp_path)
    assert pixels(thumbnails.poster_path)[360][640] == pytest.approx((0x20, 0xC0, 0x40), abs=6)


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("alpha.mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
        ("alpha.mkv", "-c:v ffv1 -pix_fmt bgra"),
        ("alpha.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuva420p -auto-alt-ref 0"),
    ],
)
def test_alpha_lies_over_black(name: str, coding: str, tmp_path: Path) -> None:
    disc = "a='if(lt(hypot(X-160,Y-90),60),255,0)'"
    graph = f"color=magenta:s=320x180:r=25:d=1,format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':{disc}"
    _, thumbnails = drawn(generated(name, graph, coding=coding), tmp_path)
    for picture in (pixels(thumbnails.poster_path), tile(thumbnails, 0)):
        height, width = len(picture), len(picture[0])
        assert colour(picture[height // 2][width // 2]) == "magenta"
        assert colour(picture[height // 10][width // 10]) == "black"


def test_another_shape_gets_bars(tmp_path: Path) -> None:
    """A phone that is turned in the middle of a recording: the first shape stays."""
    lying = generated("lying.ts", "color=lime:s=640x360:r=25:d=4")
    upright = generated("upright.ts", "color=lime:s=360x640:r=25:d=4", output="-output_ts_offset 4")
    joined = damaged("turned.ts", lying, lambda data: bytes(data) + upright.read_bytes(), upright.name)
    planned, thumbnails = drawn(joined, tmp_path)
    assert (planned.source.width, planned.source.height) == (640, 360)
    first, last = tile(thumbnails, 0), tile(thumbnails, thumbnails.storyboard.count - 1)
    assert {colour(pixel) for pixel in first[45]} == {"lime"}
    assert [colour(last[45][x]) for x in (20, 80, 140)] == ["black", "lime", "black"]


def test_square_pixels(tmp_path: Path) -> None:
    graph = "color=black:s=480x360:r=25:d=2,drawbox=x=0:y=0:w=240:h=360:c=lime:t=fill,setsar=4/3"
    _, thumbnails = drawn(generated("wide.mp4", graph), tmp_path)
    poster = pixels(thumbnails.poster_path)
    assert (len(poster[0]), len(poster)) == (640, 360)
    assert [colour(poster[180][x]) for x in (10, 300, 340, 630)] == ["lime", "lime", "black", "black"]


@pytest.mark.parametrize("name", ["rare.mp4", "rare.mkv", "rare.ts"])
def test_between_rare_keyframes_tiles_show_the_picture_of_their_time(name: str, tmp_path: Path) -> None:
    """One keyframe in 16 s: all that is between is decoded, except pictures that no other refers to."""
    _, thumbnails = drawn(clip(name, frames=400, video=RARE_KEYFRAMES + " -bf 2", audio=""), tmp_path)
    found = numbers(thumbnails)
    assert len(found) == 16
    assert found[:2] == [0, 0]  # near enough to the keyframe
    for second, number in enumerate(found[2:], 2):
        assert 0 <= 25 * second + 12 - number <= 4


@pytest.mark.parametrize(("cpu_seconds", "shown"), [(0.0, 0.0), (600.0, 10.5)])
def test_what_is_decoded_between_keyframes_has_a_bound(cpu_seconds: float, shown: float) -> None:
    """Beyond it tiles show keyframes."""
    source = str(clip("rare.mp4", frames=400, video=RARE_KEYFRAMES + " -bf 2", audio=""))
    with open_container(source) as container:
        film = Film(SeekingPackets(container, plan(source), early=0), cpu_seconds)
        film.near(10.5)
        moment = film.at(10.5)
    assert moment is not None
    assert moment.time / TIMESCALE == pytest.approx(shown, abs=0.2)


def test_the_last_picture_stands_while_there_is_sound(tmp_path: Path) -> None:
    source = clip("narrated.mp4", frames=100, video=X264 + " -bf 0 -g 25", sound=12.0)
    planned, thumbnails = drawn(source, tmp_path)
    found = numbers(thumbnails)
    assert len(found) == round(planned.seconds(planned.cuts[-1])) == 12
    assert found[5:] == [99] * 7


def test_the_first_picture_stands_while_there_is_only_sound(tmp_path: Path) -> None:
    source = cached(
        "late.mkv",
        (2,),
        lambda path: ffmpeg(
            *("-itsoffset", "5", "-i", clip("plain5.mp4", frames=125, audio=""), "-f", "lavfi", "-i", "sine=d=10"),
            *("-c:v", "copy", "-c:a", "aac", path),
        ),
    )
    planned, thumbnails = drawn(source, tmp_path)
    assert planned.seconds(planned.cuts[-1]) == pytest.approx(10, abs=0.1)
    assert numbers(thumbnails)[:5] == [0] * 5


def test_a_still_phase_shows_the_picture_that_stands(tmp_path: Path) -> None:
    """Slides: one picture every 6 s, every other one a keyframe."""
    source = clip(
        "slides.mkv", frames=5, rate="1/6", video=X264 + " -bf 0 -g 2", audio="", output="-cluster_time_limit 100"
    )
    _, thumbnails = drawn(source, tmp_path)
    assert numbers(thumbnails)[:24] == [second // 6 for second in range(24)]


@pytest.mark.parametrize(
    ("name", "black", "coding"),
    [
        ("first.mp4", "eq(n,0)", RARE_KEYFRAMES),  # the only keyframe is black
        ("ten.mp4", "lt(t,10)", RARE_KEYFRAMES),  # ten seconds of black
        ("fades.mp4", "lt(mod(n,25),5)", f"{X264} -g 25 -keyint_min 25 -sc_threshold 0"),  # every keyframe is black
        (
            "flash.mp4",
            "not(between(t,7.1,7.3))",
            f"{X264} -g 50 -sc_threshold 0",
        ),  # no tile is of the time of a picture
    ],
)
def test_the_poster_is_not_black_when_the_film_is_not(name: str, black: str, coding: str, tmp_path: Path) -> None:
    graph = f"testsrc2=s=320x180:r=25:d=16,drawbox=t=fill:c=black:enable='{black}'"
    _, thumbnails = drawn(generated(name, graph, coding=coding), tmp_path)
    poster = [max(pixel) for row in pixels(thumbnails.poster_path) for pixel in row]
    assert sum(value > 100 for value in poster) > len(poster) / 2
    lit = {"first.mp4": range(16), "ten.mp4": range(10, 16), "fades.mp4": range(16)}.get(name, range(0))
    for number in range(16):
        bright = max(max(pixel) for row in tile(thumbnails, number) for pixel in row) > 100
        assert bright == (number in lit)


def test_a_black_film_has_a_black_poster(tmp_path: Path) -> None:
    _, thumbnails = drawn(generated("black.mp4", "color=black:s=320x180:r=25:d=4"), tmp_path)
    assert max(max(pixel) for row in pixels(thumbnails.poster_path) for pixel in row) < 32


@pytest.mark.parametrize(
    "coding", [X264 + " -flags +ildct+ilme -x264-params tff=1", "-c:v mpeg2video -q:v 4 -flags +ildct+ilme"]
)
def test_interlaced_pictures_are_whole(coding: str, tmp_path: Path) -> None:
    """One field is white, the other black: where both were shown, every second line would differ."""
    bright = "drawbox=x=0:y=0:w=320:h=360:c=white:t=fill:enable='eq(mod(n,2),0)'"
    graph = f"color=black:s=640x360:r=50:d=4,{bright},tinterlace=interleave_top,setfield=tff"
    source = generated("laced.ts", graph, coding=coding)
    planned, thumbnails = drawn(source, tmp_path)
    assert planned.source.interlaced
    column = [row[160][0] for row in pixels(thumbnails.poster_path)]
    assert max(abs(above - below) for above, below in pairwise(column)) < 40


def test_where_the_clock_starts_anew_tiles_are_of_their_time(tmp_path: Path) -> None:
    """Two recordings in one file, both from 0 on: the second one's pictures are those of the second half."""
    first = generated("f1.flv", "color=red:s=320x180:r=25:d=6", coding=X264 + " -bf 0 -g 50")
    second = generated("f2.flv", "color=blue:s=320x180:r=25:d=6", coding=X264 + " -bf 0 -g 50")
    joined = damaged("append.flv", first, lambda data: bytes(data) + second.read_bytes()[13:], second.name)
    planned, thumbnails = drawn(joined, tmp_path)
    assert planned.seconds(planned.cuts[-1]) == pytest.approx(12, abs=0.2)
    found = [colour(tile(thumbnails, number)[45][80]) for number in range(thumbnails.storyboard.count)]
    assert found == ["red"] * 6 + ["blue"] * 6
