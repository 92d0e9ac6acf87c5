"""Which encoder is used: it is really tried, and the error says what does not work."""

import stat
from pathlib import Path

import pytest

from shared.media.encode import encoders
from shared.media.encode.encoders import BY_NAME, ENCODERS, SOFTWARE, TRIAL, Encoder, chosen_encoder
from shared.media.encode.segment import encode_segment
from shared.media.errors import EncodeError
from shared.media.planning.plan import plan
from shared.media.sandbox.ffmpeg import ffmpeg_path
from tests.media.clips import clip, generator


@pytest.fixture(autouse=True)
def forget() -> None:
    encoders._chosen.cache_clear()


@pytest.mark.parametrize("named", ["", "auto", "libx264"])
def test_software_where_there_is_no_hardware(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_ENCODER", named)
    if named != "libx264" and any(Path(encoder.device).exists() for encoder in ENCODERS if encoder.device):
        assert chosen_encoder() in ENCODERS
    else:
        assert chosen_encoder() is SOFTWARE


def test_auto_does_not_trust_a_device_that_cannot_encode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The device file is there, as in a container without its driver: a frame is really tried, and fails."""
    from msgspec.structs import replace

    pretended = [replace(encoder, device=str(tmp_path)) for encoder in ENCODERS if encoder.name == "h264_nvenc"]
    monkeypatch.setattr(encoders, "ENCODERS", [*pretended, SOFTWARE])
    monkeypatch.delenv("VIDEO_ENCODER", raising=False)
    if not Path("/dev/nvidiactl").exists():
        assert chosen_encoder() is SOFTWARE


def test_an_encoder_named_but_absent_is_an_encode_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_ENCODER", "h264_nvenc")
    if not Path("/dev/nvidiactl").exists():
        with pytest.raises(EncodeError, match="VIDEO_ENCODER is h264_nvenc, which does not work here"):
            chosen_encoder()


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_ENCODER", "x265")
    with pytest.raises(EncodeError, match="must be auto or one of h264_nvenc"):
        chosen_encoder()


@pytest.mark.parametrize("name", ["h264_vaapi", "h264_qsv"])
def test_a_device_that_breaks_in_the_middle_does_not_cost_the_video(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It worked when it was chosen and is gone when a segment is encoded: libx264 takes over."""
    monkeypatch.setattr("shared.media.encode.job.chosen_encoder", lambda: BY_NAME[name])
    source = str(clip("plain5.mp4", frames=125))
    planned = plan(source)
    (segment,) = encode_segment(source, planned, 0, ["180p"], tmp_path)
    assert segment.frames == 125
    assert not segment.filler


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_encode_that_is_killed_is_an_encode_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = str(clip("plain5.mp4", frames=125))
    planned = plan(source)
    shot = f'#!/bin/sh\ncase "$*" in *-version*) exec {generator()} "$@";; *) kill -9 $$;; esac\n'
    ffmpeg_path.cache_clear()
    monkeypatch.setenv("WADI_FFMPEG", str(script(tmp_path / "shot", shot)))
    try:
        with pytest.raises(EncodeError, match="signal 9"):
            encode_segment(source, planned, 0, ["180p"], tmp_path)
        assert not list(tmp_path.glob(".*")), "no half-made files stay behind"
    finally:
        ffmpeg_path.cache_clear()


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: encoder.name)
def test_no_encoder_reorders_more_than_planned(encoder: Encoder) -> None:
    """Their own defaults differ between drivers, so each that has B-frames by default is told how many."""
    if encoder.name != "h264_videotoolbox":
        assert encoder.output_options(TRIAL, 50, 1)["bf"] == "3"
    assert encoder.output_options(TRIAL, 50, 1, reorder=False)["bf"] == "0"
