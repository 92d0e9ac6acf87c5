"""Poster and storyboard: upright, in the right place, in the right colours, and cheap."""

import re
from pathlib import Path

import av
import pytest

from shared.media.model import Plan, Storyboard, Thumbnails
from shared.media.pictures.storyboard import storyboard_vtt
from shared.media.pictures.thumbnails import make_thumbnails
from shared.media.planning.plan import plan
from tests.media.clips import clip, read_number, remuxed

X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"


def drawn(source: Path, out_dir: Path) -> tuple[Plan, Thumbnails]:
    planned = plan(str(source))
    return planned, make_thumbnails(str(source), planned, out_dir)


def picture(path: str) -> av.VideoFrame:
    with av.open(path) as container:
        return next(container.decode(video=0))


def tile_number(sheet: av.VideoFrame, board: Storyboard, number: int) -> int:
    """The bars of one tile."""
    row, column = divmod(number % (board.columns * board.rows), board.columns)
    stride = sheet.planes[0].line_size
    luma = bytes(sheet.planes[0])[row * board.tile_height * stride + column * board.tile_width :]
    return read_number(luma, stride, board.tile_width, board.tile_height)


def test_storyboard(tmp_path: Path) -> None:
    """25 s, one picture a second, each the keyframe at or before the middle of its span."""
    source = clip("gop50.mp4", frames=625, video=X264 + " -g 50 -keyint_min 50 -sc_threshold 0", audio="")
    _, thumbnails = drawn(source, tmp_path)
    board = thumbnails.storyboard
    assert (board.tile_width, board.tile_height, board.columns, board.interval, board.count) == (160, 90, 10, 1.0, 25)
    (path,) = board.sheets
    sheet = picture(path)
    assert (sheet.width, sheet.height) == (1600, 270)
    for number in range(25):
        assert tile_number(sheet, board, number) == int((number + 0.5) * 25) // 50 * 50


def test_poster(tmp_path: Path) -> None:
    _, thumbnails = drawn(clip("large.mp4", frames=50, size=(1920, 1080), video=X264, audio=""), tmp_path)
    poster = picture(thumbnails.poster_path)
    assert (poster.width, poster.height) == (1280, 720)
    assert Path(thumbnails.poster_path).read_bytes()[:3] == b"\xff\xd8\xff"


def test_the_poster_is_not_the_black_beginning(tmp_path: Path) -> None:
    black = "drawbox=t=fill:c=black:enable='lt(n,300)'"
    source = clip("fade.mp4", frames=625, video=f"-vf {black} {X264} -g 25", audio="")
    _, thumbnails = drawn(source, tmp_path)
    assert max(bytes(picture(thumbnails.poster_path).planes[0])[:300]) > 200


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated(degrees: int, tmp_path: Path) -> None:
    lying = clip("lying.mp4", frames=300, size=(640, 360), audio="")
    source = remuxed("turned.mp4", lying, before=f"-display_rotation:v {-degrees}")
    _, thumbnails = drawn(source, tmp_path)
    poster = picture(thumbnails.poster_path)
    assert (poster.width, poster.height) == ((640, 360) if degrees == 180 else (360, 640))
    luma, stride = bytes(poster.planes[0]), poster.planes[0].line_size
    white = {90: (180, 10), 180: (630, 180), 270: (180, 630)}[degrees]  # where the white bar, left in the file, is now
    black = {90: (180, 630), 180: (10, 180), 270: (180, 10)}[degrees]
    assert luma[white[1] * stride + white[0]] > 200
    assert luma[black[1] * stride + black[0]] < 50


def test_hdr_is_tone_mapped(tmp_path: Path) -> None:
    tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    video = f"-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -x265-params log-level=0:{tags}"
    _, thumbnails = drawn(clip("pq.mp4", frames=280, video=video, audio=""), tmp_path)
    poster = picture(thumbnails.poster_path)
    assert 100 < bytes(poster.planes[0])[5] <= 255
    assert bytes(poster.planes[0])[310] < 60


@pytest.mark.parametrize(
    ("name", "frames", "video"),
    [
        ("one.mp4", 1, X264),
        ("h264.ts", 560, X264 + " -bf 3 -g 60"),
        ("h264.avi", 560, X264 + " -bf 3 -b_strategy 0 -g 60"),
        ("tall.mkv", 30, X264 + " -vf scale=16:2000"),
        ("onekey.mp4", 560, X264 + " -g 9999 -keyint_min 9999 -sc_threshold 0"),
    ],
)
def test_odd_sources(name: str, frames: int, video: str, tmp_path: Path) -> None:
    planned, thumbnails = drawn(clip(name, frames=frames, video=video, audio=""), tmp_path)
    board = thumbnails.storyboard
    assert board.count >= 1
    assert len(board.sheets) == 1
    assert picture(board.sheets[0]).width == board.columns * board.tile_width
    assert board.tile_width <= planned.source.width
    if name != "tall.mkv":
        assert tile_number(picture(board.sheets[0]), board, 0) >= 0


def test_webvtt() -> None:
    board = Storyboard(160, 90, 10, 10, 2.0, 103, ["a", "b"])
    text = storyboard_vtt(board, ["/o/a?x=1", "/o/b?x=1"], 205.5)
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)\n", text + "\n")
    assert text.startswith("WEBVTT\n\n")
    assert len(cues) == 103
    assert cues[0] == ("00:00:00.000", "00:00:02.000", "/o/a?x=1#xywh=0,0,160,90")
    assert cues[11] == ("00:00:22.000", "00:00:24.000", "/o/a?x=1#xywh=160,90,160,90")
    assert cues[100] == ("00:03:20.000", "00:03:22.000", "/o/b?x=1#xywh=0,0,160,90")
    assert cues[-1][1] == "00:03:25.500"


def test_sheets_of_a_long_video(tmp_path: Path) -> None:
    """More pictures than a sheet holds go on the next."""
    source = clip("long.mkv", frames=1100, rate="1", size=(64, 36), video="-c:v mjpeg -q:v 4", audio="")
    _, thumbnails = drawn(source, tmp_path)
    board = thumbnails.storyboard
    assert (board.interval, board.count, len(board.sheets)) == (10.0, 110, 2)
    second = picture(board.sheets[1])
    assert (second.width, second.height) == (640, 36)
    assert tile_number(second, board, 105) == 1055
