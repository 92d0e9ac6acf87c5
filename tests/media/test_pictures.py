"""Sizes, rotation, colours and interlacing."""

from pathlib import Path

import pytest

from shared.media.encode.segment import encode_segment
from shared.media.planning.plan import plan
from tests.media.clips import clip, remuxed
from tests.media.published import Result, decoded_pictures, numbers, publish

X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"


def sizes(result: Result) -> dict[str, tuple[int, int]]:
    """The sizes of the pictures that are really decoded."""
    frames = {r.name: decoded_pictures(result.joined(r.name))[0] for r in result.plan.renditions}
    return {name: (frame.width, frame.height) for name, frame in frames.items()}


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated(degrees: int, tmp_path: Path) -> None:
    """A phone's picture: stored lying, shown upright. The white bar is left in the file, at the top after a quarter."""
    lying = clip("lying.mp4", frames=300, size=(640, 360), audio="")
    result = publish(remuxed("turned.mp4", lying, before=f"-display_rotation:v {-degrees}"), tmp_path)
    assert result.plan.source.rotation == degrees
    upright = degrees != 180
    assert (result.plan.source.width, result.plan.source.height) == ((360, 640) if upright else (640, 360))
    assert sizes(result) == {"360p": (360, 640) if upright else (640, 360)}
    if degrees == 90:
        assert numbers(result, vertical=True) == list(range(300))
    else:  # the bars are read from the other end, so that the white mark is not where it should be
        assert set(numbers(result, vertical=upright)) == {-1}


def test_portrait(tmp_path: Path) -> None:
    result = publish(clip("portrait.mp4", frames=30, size=(540, 960), audio=""), tmp_path)
    assert sizes(result) == {"480p": (480, 854), "360p": (360, 640)}
    assert numbers(result, "360p") == list(range(30))


def test_odd_sizes(tmp_path: Path) -> None:
    odd = clip(
        "odd.mkv", frames=300, size=(321, 179), video="-c:v libx264 -preset ultrafast -pix_fmt yuv444p", audio=""
    )
    result = publish(odd, tmp_path)
    assert sizes(result) == {"178p": (320, 178)}
    assert numbers(result) == list(range(300))


def test_a_tiny_picture(tmp_path: Path) -> None:
    result = publish(clip("tiny.mkv", frames=30, size=(16, 2), video="-c:v ffv1", audio=""), tmp_path)
    assert sizes(result) == {"2p": (16, 2)}


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("422p10.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le"),
        ("prores.mov", "-c:v prores_ks -profile:v 2"),
        ("gbr.mkv", "-c:v libx264rgb -preset ultrafast -pix_fmt rgb24"),
        ("full.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuvj420p"),
        (
            "vp9.webm",
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le -profile:v 2 -auto-alt-ref 1",
        ),
        ("hevc10.mp4", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=0"),
    ],
)
def test_pixel_formats_become_8_bit_420(name: str, video: str, tmp_path: Path) -> None:
    result = publish(clip(name, frames=280, video=video, audio=""), tmp_path)
    assert numbers(result) == list(range(280))
    picture = decoded_pictures(result.joined("180p"))[0]
    assert picture.format.name == "yuv420p"
    assert result.video[0].codecs.startswith("avc1.6400")
    white, black = bytes(picture.planes[0])[5], bytes(picture.planes[0])[315]
    assert white == pytest.approx(218, abs=4)  # 235 of full range
    assert black == pytest.approx(30, abs=4)


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "pq"), ("arib-std-b67", "hlg")])
def test_hdr_is_tone_mapped(transfer: str, name: str, tmp_path: Path) -> None:
    tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    video = f"-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -x265-params log-level=0:{tags}"
    result = publish(clip(f"{name}.mp4", frames=280, video=video, audio=""), tmp_path)
    assert result.plan.source.hdr == name
    assert numbers(result) == list(range(280))
    picture = decoded_pictures(result.joined("180p"))[0]
    assert (picture.color_trc, picture.color_primaries, picture.colorspace) == (1, 1, 1)


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("laced.mp4", X264 + " -flags +ildct+ilme -x264-params tff=1"),
        ("laced.ts", "-c:v mpeg2video -q:v 4 -flags +ildct+ilme -bf 2"),
    ],
)
def test_interlaced(name: str, video: str, tmp_path: Path) -> None:
    laced = clip(name, frames=560, video="-vf setfield=tff " + video, audio="")
    result = publish(laced, tmp_path)
    assert result.plan.source.interlaced
    assert numbers(result) == list(range(560))
    assert not any(frame.interlaced_frame for frame in decoded_pictures(result.joined("180p")))


def test_anamorphic(tmp_path: Path) -> None:
    result = publish(clip("wide.mp4", frames=30, size=(480, 360), video=f"-vf setsar=4/3 {X264}", audio=""), tmp_path)
    assert sizes(result) == {"360p": (640, 360)}


def test_all_rungs_of_1080p_from_one_decode(tmp_path: Path) -> None:
    source = clip("full.mp4", frames=45, rate="30", size=(1920, 1080), video=X264, audio="")
    result = publish(source, tmp_path)
    assert sizes(result) == {"1080p": (1920, 1080), "720p": (1280, 720), "480p": (854, 480), "360p": (640, 360)}
    for rung in result.plan.renditions:
        assert numbers(result, rung.name) == list(range(45))


def test_a_rung_alone_is_the_rung_among_others(tmp_path: Path) -> None:
    """The lowest rung of segment 0 is encoded first and alone: it must fit the segments that follow."""
    source = clip("full.mp4", frames=45, rate="30", size=(1920, 1080), video=X264, audio="")
    planned = plan(str(source))
    (alone,) = encode_segment(str(source), planned, 0, ["360p"], tmp_path)
    alone_bytes = Path(alone.path).read_bytes()
    together = encode_segment(str(source), planned, 0, ["360p", "480p"], tmp_path)
    assert together[0].init_sha256 == alone.init_sha256
    assert Path(together[0].path).read_bytes() == alone_bytes
