"""Damaged files: encoded as far as they can be decoded, with the whole timeline, or rejected with a reason."""

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.media.encode.segment import encode_segment
from shared.media.errors import EncodeError, MediaError
from shared.media.mp4 import find
from shared.media.planning.plan import plan
from tests.media.clips import blot, clip, damaged, ffmpeg, read_number, sweep
from tests.media.published import assert_same_sound, decoded_pictures, heard, numbers, publish

X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -bf 2"
FRAMES = 1000  # 40 s: four segments


def whole(name: str) -> Path:
    return clip(name, frames=FRAMES, video=X264, output="-movflags faststart" if name.endswith("mp4") else "")


def refusal(path: Path) -> str:
    with pytest.raises(MediaError) as refused:
        plan(str(path))
    reason = refused.value.reason
    assert reason[0].isupper()
    assert reason.endswith(".")
    assert "/" not in reason.replace("MPEG-TS/", "")
    return reason


@pytest.mark.parametrize("name", ["truncated.mp4", "truncated.mkv", "truncated.ts"])
def test_a_truncated_file_plays_to_where_it_ends(name: str, tmp_path: Path) -> None:
    """Half of an upload, with its index at the front: what is there is published."""
    half = damaged(name, whole("plain40" + Path(name).suffix), lambda data: bytes(data[: len(data) * 6 // 10]), "60 %")
    result = publish(half, tmp_path)
    came = numbers(result)
    assert 400 < len(came) < 800
    assert came[:-3] == list(range(len(came) - 3)), "only the last pictures may be torn"


def test_damage_in_the_middle_keeps_the_timeline(tmp_path: Path) -> None:
    """Noise over some pictures: those may be torn or missing, all others are where they were."""

    def harm(data: bytearray) -> bytes:
        mdat = find(bytes(data), "mdat")
        start = mdat.body + (mdat.end - mdat.body) * 55 // 100
        for at in range(start, start + (mdat.end - mdat.body) * 6 // 100):
            data[at] = at * 131 % 251
        return bytes(data)

    result = publish(damaged("noise.mp4", whole("plain40.mp4"), harm, "6 % at 55 %"), tmp_path)
    assert result.plan.seconds(result.plan.cuts[-1]) == pytest.approx(40)
    came = numbers(result)
    assert came[:500] == list(range(500))
    assert came[-350:] == list(range(650, 1000))


def test_a_segment_of_which_nothing_can_be_decoded_stands_still(tmp_path: Path) -> None:
    """Pictures blotted out from 11 to 34 s: the timeline goes on, with the last good picture until the next."""
    source = damaged("blot.mp4", whole("plain40.mp4"), lambda data: blot(data, 11, 34), "11 to 34 s")
    result = publish(source, tmp_path)
    assert result.plan.seconds(result.plan.cuts[-1]) == pytest.approx(40)
    assert [segment.filler for segment in result.video] == [False, False, True, False]
    came = numbers(result)
    assert came[:273] == list(range(273))
    back = next(place for place, number in enumerate(came) if number >= 850)
    assert len(set(came[274:back])) == 1  # the decoder repeats the last one where references are lost
    assert came[back] < 900
    assert came[back:] == list(range(came[back], FRAMES))


def test_damage_after_a_long_still_phase_leaves_the_picture_standing(tmp_path: Path) -> None:
    """Nothing after 44 s can be decoded. The last good picture is 40 s old, and several segments show only that."""
    vfr = f"-vf select='lt(t,4)+gte(t,45)' -fps_mode passthrough {X264}"
    slides = clip("slides.mp4", frames=1500, video=vfr)
    source = damaged("slides-blot.mp4", slides, lambda data: blot(data, 44, 60), "from 44 s")
    planned = plan(str(source))
    last = planned.segments - 1
    (segment,) = encode_segment(str(source), planned, last, ["180p"], tmp_path)
    assert segment.filler
    assert segment.missing == pytest.approx(segment.duration / segment.timescale, abs=0.001)
    joined = Path(segment.init_path).read_bytes() + Path(segment.path).read_bytes()
    picture = decoded_pictures(joined)[0]
    assert read_number(bytes(picture.planes[0]), picture.planes[0].line_size, picture.width, picture.height) == 99


def test_until_the_first_picture_that_can_be_decoded_it_stands(tmp_path: Path) -> None:
    """The sound of the damaged start is heard, and the first picture stands until its own time."""
    source = damaged("late.mp4", whole("plain40.mp4"), lambda data: blot(data, 0, 5), "to 5 s")
    result = publish(source, tmp_path)
    came = numbers(result)
    assert came == list(range(came[0], FRAMES))
    assert 125 <= came[0] < 175
    assert result.plan.seconds(result.plan.cuts[-1]) == pytest.approx(40)
    assert_same_sound(heard(result), sweep(40), 1024, 40 * 48_000 - 4800)


def test_filler_without_a_picture_before_it_is_black(tmp_path: Path) -> None:
    source = whole("plain40.mp4")
    planned = plan(str(source))
    good = encode_segment(str(source), planned, 0, ["180p"], tmp_path / "a")
    late = damaged("late-16.mp4", source, lambda data: blot(data, 0, 16), "to 16 s")
    (segment,) = encode_segment(str(late), planned, 0, ["180p"], tmp_path / "b")
    assert segment.filler
    assert (segment.duration, segment.init_sha256) == (good[0].duration, good[0].init_sha256)
    data = Path(segment.init_path).read_bytes() + Path(segment.path).read_bytes()
    assert max(bytes(decoded_pictures(data)[0].planes[0])[:320]) <= 17


def test_a_film_of_which_nothing_can_be_decoded_is_none(tmp_path: Path) -> None:
    """Each of its segments says so, whichever is tried first, and names the codec."""
    source = whole("plain40.mp4")
    planned = plan(str(source))
    empty = damaged("nothing.mp4", source, _blot_everything, "all")
    for index in (0, planned.segments - 1):
        with pytest.raises(MediaError, match=r"H\.264"):
            encode_segment(str(empty), planned, index, ["180p"], tmp_path)


@pytest.mark.parametrize(("planned_more", "missing"), [(25, 5 * 25 / 150), (0, 0), (-25, 0)])
def test_what_is_missing_is_told_in_seconds(planned_more: int, missing: float, tmp_path: Path) -> None:
    source = str(clip("plain5.mp4", frames=125))
    planned = plan(source)
    planned = replace(planned, frames=[planned.frames[0] + planned_more])
    (segment,) = encode_segment(source, planned, 0, ["180p"], tmp_path)
    assert segment.missing == pytest.approx(missing, abs=0.001)
    assert not segment.filler


def _blot_everything(data: bytearray) -> bytes:
    mdat = find(bytes(data), "mdat")
    data[mdat.body : mdat.end] = bytes(mdat.end - mdat.body)
    return bytes(data)


def test_moov_missing() -> None:
    at_the_end = clip("plain40tail.mp4", frames=FRAMES, video=X264)
    cut = damaged("nomoov.mp4", at_the_end, lambda data: bytes(data[: find(bytes(data), "moov").start]), "no moov")
    assert "incomplete" in refusal(cut)


def test_moov_damaged() -> None:
    def harm(data: bytearray) -> bytes:
        moov = find(bytes(data), "moov")
        data[moov.body + 8 : moov.end] = bytes(moov.end - moov.body - 8)
        return bytes(data)

    assert "no video" in refusal(damaged("badmoov.mp4", whole("plain40.mp4"), harm, "zeros"))


def test_nothing_decodes() -> None:
    assert "picture" in refusal(damaged("nothing.mp4", whole("plain40.mp4"), _blot_everything, "all"))


def test_zero_bytes(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert refusal(empty) == "The file is empty."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.mp4", b"Dear all,\nthe minutes of our meeting follow.\n" * 50),
        ("few.mp4", b"\0"),
        ("noise.mkv", bytes(n * n % 251 for n in range(100_000))),
        ("zeros.mp4", bytes(100_000)),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(5000)),
        ("archive.zip", b"PK\3\4" + bytes(5000)),
        ("matroska.mkv", b"\x1aE\xdf\xa3" + bytes(5000)),
    ],
)
def test_what_is_no_video(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    refusal(path)


def test_sound_alone() -> None:
    source = clip("tone.mp4", frames=25, video="-vn", output="-map -0:v")
    assert "no picture" in refusal(source)


def test_a_header_of_50000_by_50000() -> None:
    """A picture that would take gigabytes is not decoded, whatever the file around it says."""

    def harm(data: bytearray) -> bytes:
        at = 0
        while (at := data.find(b"\xff\xc0\x00\x11\x08", at)) >= 0:  # the frame header of each JPEG picture
            data[at + 5 : at + 9] = (50_000).to_bytes(2, "big") * 2
            at += 9
        return bytes(data)

    small = clip("huge.avi", frames=5, video="-c:v mjpeg -pix_fmt yuvj420p", audio="")
    assert "picture" in refusal(damaged("header.avi", small, harm, "50000"))


def test_a_real_picture_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "vast.mkv"
    ffmpeg(*["-f", "lavfi", "-i", "color=s=12000x12000:r=1", "-frames:v", "1", "-c:v", "ffv1", "-level", "3"], path)
    assert "8192 x 4320" in refusal(path)


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("os.kill(os.getpid(), 11)", MediaError),
        ("bytearray(64 << 30)", MediaError),
        ("os.kill(os.getpid(), 9)", EncodeError),
    ],
)
def test_a_decoder_that_crashes_is_told_from_one_that_is_killed(
    code: str, refused: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child ends as a hostile file makes it end; the parent survives and tells whose fault it was."""
    script = (
        f"import os\nimport shared.media.child as c\ndef results(*a):\n    yield {code}\nc._results = results\nc.main()"
    )
    monkeypatch.setattr("shared.media.sandbox.task.COMMAND", [sys.executable, "-c", script])
    with pytest.raises(refused):
        plan(str(whole("plain40.mp4")))
