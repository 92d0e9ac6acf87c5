"""Containers, each with the codecs that are usual in it."""

from pathlib import Path

import pytest

from shared.media.model import FRAME_SAMPLES
from tests.media.clips import SAMPLE_RATE, cached, clip, damaged, remuxed, sweep
from tests.media.published import assert_same_sound, best_lag, heard_with_the_pictures, numbers, publish

FRAMES = 560
X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p"


# By how many samples the sound of these files is late by itself: the encoder delay of LAME and AC-3, which AVI cannot
# store, and the extra picture with which libavformat begins an AVI with B-frames.
OWN_LAG = {"mpeg4.avi": 1105, "divx.avi": 256 - SAMPLE_RATE // 25, "h264.avi": 256}
# Timestamps in milliseconds: half of one is 24 samples.
COARSE = {"h264.flv", "wmv.asf"}


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("h264.mkv", X264, "-c:a libopus -b:a 160k"),
        (
            "vp9.webm",
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -b:v 1M",
            "-c:a libopus -b:a 160k",
        ),
        (
            "vp8.webm",
            "-c:v libvpx -deadline realtime -cpu-used 16 -pix_fmt yuv420p -b:v 1M",
            "-c:a libvorbis -b:a 160k",
        ),
        ("av1.mp4", "-c:v libsvtav1 -preset 13 -svtav1-params tune=0 -pix_fmt yuv420p", "-c:a aac -b:a 160k"),
        ("h264.ts", X264 + " -bf 3 -b_strategy 0 -g 60", "-c:a aac -b:a 160k"),
        ("h264long.ts", X264 + " -bf 3 -g 250 -sc_threshold 0", "-c:a mp2 -b:a 192k"),
        ("mpeg2.ts", "-c:v mpeg2video -q:v 4 -bf 2", "-c:a mp2 -b:a 192k"),
        ("mpeg2.mpg", "-c:v mpeg2video -q:v 4 -bf 2", "-c:a mp2 -b:a 192k"),
        ("mpeg4.avi", "-c:v mpeg4 -q:v 4", "-c:a libmp3lame -b:a 192k"),
        ("divx.avi", "-c:v mpeg4 -q:v 4 -bf 2 -tag:v DIVX", "-c:a ac3"),
        ("h264.avi", X264 + " -bf 3 -b_strategy 0 -g 60", "-c:a ac3"),
        ("h264.mov", X264, "-c:a pcm_s16le"),
        ("h264.flv", X264 + " -bf 2", "-c:a aac -b:a 160k"),
        ("wmv.asf", "-c:v wmv2 -q:v 4", "-c:a wmav2 -b:a 192k"),
        ("theora.ogv", "-c:v libtheora -q:v 8 -pix_fmt yuv420p", "-c:a libvorbis -b:a 160k"),
        ("phone.3gp", X264, "-c:a aac -b:a 160k"),
    ],
)
def test_container(name: str, video: str, audio: str, tmp_path: Path) -> None:
    result = publish(clip(name, frames=FRAMES, video=video, audio=audio + " -ac 2"), tmp_path)
    assert numbers(result) == list(range(FRAMES))
    assert result.plan.segments >= 2
    lag = OWN_LAG.get(name, 0)
    sound, wanted = heard_with_the_pictures(result)[max(lag, 0) :], sweep(23)[max(-lag, 0) :]
    assert_same_sound(sound, wanted, 4800, 22 * SAMPLE_RATE, stray=24 if name in COARSE else 2)


@pytest.mark.parametrize(
    "flags", ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof+global_sidx"]
)
def test_fragmented_mp4(flags: str, tmp_path: Path) -> None:
    base = clip("gop60.mp4", frames=FRAMES, video=X264 + " -g 60")
    result = publish(remuxed("fragmented.mp4", base, output=f"-c copy -movflags {flags}"), tmp_path)
    assert numbers(result) == list(range(FRAMES))
    assert_same_sound(heard_with_the_pictures(result), sweep(23), 4800, 22 * SAMPLE_RATE)


def test_a_transport_stream_whose_clock_jumps(tmp_path: Path) -> None:
    """Two recordings joined end to end: the second starts its clock anew."""
    one = clip("part.ts", frames=FRAMES, video=X264 + " -bf 2 -g 60", audio="-c:a aac -b:a 160k -ac 2")
    joined = cached("joined.ts", one.name, lambda path: _join(path, [one, one]))
    result = publish(joined, tmp_path)
    assert numbers(result) == [*range(FRAMES), *range(FRAMES)]
    sound, wanted = heard_with_the_pictures(result), sweep(23)
    assert_same_sound(sound, wanted, 4800, 22 * SAMPLE_RATE)
    second = sound[FRAMES * 1920 :]
    lag = abs(best_lag(second, wanted, SAMPLE_RATE, reach=1500))
    assert lag <= FRAME_SAMPLES, "the second half keeps step, within a frame"


def test_a_transport_stream_that_changes_its_size(tmp_path: Path) -> None:
    """A second recording of another size after the first: the rungs of the first are kept, and every picture."""
    video = X264 + " -bf 2 -g 60"
    parts = [clip("part.ts", frames=FRAMES, size=size, video=video, audio="") for size in ((320, 180), (640, 360))]
    joined = cached("sizes.ts", [p.name for p in parts], lambda path: _join(path, parts))
    result = publish(joined, tmp_path)
    assert numbers(result) == [*range(FRAMES), *range(FRAMES)]


def _join(path: Path, parts: list[Path]) -> None:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def test_a_change_of_size_without_a_jump(tmp_path: Path) -> None:
    """As when a camera is turned, or a call changes its quality."""
    video = X264 + " -bf 2 -g 60"
    small = clip("part.ts", frames=FRAMES, size=(320, 180), video=video, audio="")
    large = clip("part.ts", frames=FRAMES, size=(640, 360), video=video, audio="", output="-output_ts_offset 22.52")
    joined = cached("turned.ts", [small.name, large.name], lambda path: _join(path, [small, large]))
    result = publish(joined, tmp_path)
    assert result.plan.source.reading is None
    assert numbers(result) == [*range(FRAMES), *range(FRAMES)]


def test_a_transport_stream_cut_out_of_a_broadcast(tmp_path: Path) -> None:
    """It starts in the middle of a group of pictures: what cannot be decoded is not counted."""
    whole = clip("h264.ts", frames=FRAMES, video=X264 + " -bf 3 -b_strategy 0 -g 60", audio="-c:a aac -b:a 160k -ac 2")
    cut = damaged("cut.ts", whole, lambda data: bytes(data[188 * 200 :]), "200 packets")
    result = publish(cut, tmp_path)
    came = numbers(result)
    assert came == list(range(came[0], FRAMES))
    assert 0 < came[0] <= 120


def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    base = clip("plain.mp4", frames=FRAMES)
    cover = clip("cover.mjpg", frames=1, size=(640, 640), video="-c:v mjpeg", audio="", output="-f mjpeg")
    output = "-map 0 -map 1 -c copy -disposition:v:0 attached_pic"
    result = publish(remuxed("covered.mp4", base, before=f"-i {cover}", output=output), tmp_path)
    assert (result.plan.source.width, result.plan.source.height) == (320, 180)
    assert numbers(result) == list(range(FRAMES))
