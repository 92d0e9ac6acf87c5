"""Sound: its place, its length and its layout."""

import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from shared.media.audio.timing import boundaries
from shared.media.model import FRAME_SAMPLES, SAMPLE_RATE
from tests.media.clips import clip, remuxed, sweep
from tests.media.published import assert_same_sound, heard, likeness, publish

FRAMES = 560  # 22.4 s: two joins
END = 1_075_200


def loud(sound: "array[int]", start: int, end: int) -> bool:
    return max(map(abs, sound[start:end])) > 1000


@pytest.mark.parametrize(
    ("name", "audio"),
    [
        ("mono.mp4", "-c:a aac -ac 1 -b:a 160k"),
        ("surround.mp4", "-af pan=5.1|FC=c0 -c:a aac -b:a 320k"),
        ("surround.mkv", "-af pan=5.1|FC=c0 -c:a ac3"),
        ("pcm.mov", "-c:a pcm_s24le"),
        ("flac.mkv", "-c:a flac"),
        ("mp3.mp4", "-c:a libmp3lame"),
    ],
)
def test_layouts_and_codecs(name: str, audio: str, tmp_path: Path) -> None:
    result = publish(clip(name, frames=FRAMES, audio=audio), tmp_path)
    assert result.plan.source.audio
    assert_same_sound(heard(result), sweep(23), 4096, END - 4800)


@pytest.mark.parametrize("rate", [44_100, 22_050, 96_000])
def test_sample_rates(rate: int, tmp_path: Path) -> None:
    result = publish(clip("resampled.mov", frames=FRAMES, audio=f"-c:a pcm_s16le -ar {rate}"), tmp_path)
    assert_same_sound(heard(result), sweep(23), 4096, END - 4800)


def test_no_audio(tmp_path: Path) -> None:
    result = publish(clip("silent.mp4", frames=30, audio=""), tmp_path)
    assert not result.plan.source.audio
    assert "audio" not in result.tracks


def test_audio_longer_than_the_pictures_is_heard_to_its_end(tmp_path: Path) -> None:
    result = publish(clip("longer.mp4", frames=300, sound=16.0), tmp_path)
    assert result.plan.seconds(result.plan.cuts[-1]) == pytest.approx(16, abs=0.001)
    assert len(heard(result)) == boundaries(result.plan)[-1] * FRAME_SAMPLES
    assert_same_sound(heard(result), sweep(16), 1024, 16 * SAMPLE_RATE - 2048)


def test_audio_shorter_than_the_video_is_followed_by_silence(tmp_path: Path) -> None:
    result = publish(clip("shorter.mp4", frames=FRAMES, sound=4.0), tmp_path)
    sound = heard(result)
    assert_same_sound(sound, sweep(4), 1024, 4 * SAMPLE_RATE - 4800)
    assert not loud(sound, 4 * SAMPLE_RATE + 2048, len(sound))
    assert len(sound) == boundaries(result.plan)[-1] * FRAME_SAMPLES


@pytest.mark.parametrize("offset", [1.5, -1.5])
def test_audio_that_starts_later_or_earlier(offset: float, tmp_path: Path) -> None:
    shifted = clip("offset.mkv", frames=FRAMES, before_sound=f"-itsoffset {offset}", sound=23.9, output="-copyts")
    sound = heard(publish(shifted, tmp_path))
    if offset > 0:
        assert not loud(sound, 1024, int(offset * SAMPLE_RATE) - 2048)
        assert_same_sound(sound[72_000:], sweep(24), 4096, END - 80_000)
    else:
        assert_same_sound(sound, sweep(24), 4096, END)


def test_a_gap_in_the_audio_is_silence(tmp_path: Path) -> None:
    """Packets lost in the middle must not pull the rest forward."""
    gapped = remuxed(
        "gap.mkv", clip("plain.mkv", frames=FRAMES), output="-c copy -bsf:a noise=drop='between(pts*tb\\,8\\,11)'"
    )
    sound = heard(publish(gapped, tmp_path))
    wanted = sweep(23)
    assert_same_sound(sound, wanted, 4096, int(7.8 * SAMPLE_RATE))
    assert not loud(sound, int(8.2 * SAMPLE_RATE), int(10.8 * SAMPLE_RATE))
    assert_same_sound(sound, wanted, int(11.2 * SAMPLE_RATE), END - 4800)


def test_the_first_stream_that_decodes_is_used(tmp_path: Path) -> None:
    base = clip("plain.mp4", frames=FRAMES)
    broken = "-map 0:v -map 0:a -map 0:a -c copy -bsf:a:0 noise=amount=1"
    result = publish(remuxed("second.mkv", base, output=broken), tmp_path)
    assert result.plan.source.audio
    assert result.plan.source.audio[0].stream_index == 2
    assert_same_sound(heard(result), sweep(23), 4096, END - 4800)


def test_memory_does_not_grow_with_the_track(tmp_path: Path) -> None:
    """The child's peak memory for fifteen minutes of sound is that for one, within a few megabytes."""

    def peak(minutes: int) -> int:
        source = clip("minute.mkv", frames=60, rate="1", video="-c:v mjpeg -q:v 20", size=(32, 32))
        looped = remuxed("looped.mkv", source, before=f"-stream_loop {minutes - 1}")
        code = (
            "import sys, resource\n"
            "from pathlib import Path\n"
            "from shared.media.planning.plan import plan\n"
            "from shared.media.audio.track import encode_track\n"
            "source, out = sys.argv[1:]\n"
            "planned = plan(source)\n"
            "assert sum(1 for _ in encode_track(source, planned, 'audio', Path(out))) == planned.segments\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, looped, tmp_path],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        return int(done.stdout)

    assert peak(15) < peak(1) + 8_000  # kilobytes


def test_likeness_can_tell() -> None:
    """The measure itself: a sound moved by three samples, or with a hole, is not the same."""
    wanted = sweep(2)
    with pytest.raises(AssertionError):
        assert_same_sound(wanted[3:], wanted, 1024, 80_000)
    holed = wanted[:]
    holed[40_000:40_300] = array("h", bytes(600))
    with pytest.raises(AssertionError):
        assert_same_sound(holed, wanted, 1024, 80_000)
    assert likeness(wanted, wanted) == pytest.approx(1)
