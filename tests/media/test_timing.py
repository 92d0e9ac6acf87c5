"""Rates, gaps and starts: every picture comes out once, in its place, over every join."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from shared.media.encode.job import SegmentJob
from shared.media.encode.segment import encode_segment
from shared.media.planning.plan import plan
from tests.media.clips import clip, remuxed, sweep
from tests.media.published import assert_same_sound, heard, heard_with_the_pictures, numbers, publish

X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p"


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "60"])
def test_frame_rates(rate: str, tmp_path: Path) -> None:
    frames = round(21.3 * Fraction(rate))
    result = publish(clip("rate.mp4", frames=frames, rate=rate), tmp_path)
    assert numbers(result) == list(range(frames))
    assert result.plan.segments >= 2
    assert str(result.plan.output_frame_rate.fraction()) == rate
    assert_same_sound(heard_with_the_pictures(result), sweep(22), 1024, round(21.2 * 48_000))


def test_more_than_60_frames_a_second_are_thinned_to_60(tmp_path: Path) -> None:
    result = publish(clip("fast.mp4", frames=120 * 12, rate="120", audio=""), tmp_path)
    assert numbers(result) == list(range(0, 120 * 12, 2))
    assert result.plan.output_frame_rate.fraction() == 60


def test_100_frames_a_second_are_thinned_evenly(tmp_path: Path) -> None:
    result = publish(clip("fast100.mkv", frames=1150, rate="100", audio=""), tmp_path)
    came = numbers(result)
    assert came == sorted(set(came))
    assert {after - before for before, after in pairwise(came)} <= {1, 2}
    assert sum(result.plan.frames) == len(came) == pytest.approx(11.5 * 60, abs=2)


def test_variable_frame_rate(tmp_path: Path) -> None:
    uneven = "settb=1/1000,setpts=N*37+mod(N*N*7\\,29)+400*floor(N/100)"
    video = f"-vf {uneven} {X264} -fps_mode vfr -enc_time_base 1:1000 -video_track_timescale 1000"
    result = publish(clip("vfr.mp4", frames=560, video=video, audio=""), tmp_path)
    assert numbers(result) == list(range(560))
    assert result.plan.segments >= 2


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("bframes.mp4", X264 + " -bf 5 -b_strategy 0 -x264-params b-pyramid=normal:ref=4"),
        ("opengop.mp4", X264 + " -bf 3 -b_strategy 0 -x264-params open-gop=1:keyint=33:min-keyint=33:scenecut=0"),
        ("opengop.mkv", X264 + " -bf 3 -b_strategy 0 -x264-params open-gop=1:keyint=33:min-keyint=33:scenecut=0"),
        (
            "cra.mp4",
            "-c:v libx265 -preset ultrafast -x265-params log-level=0:open-gop=1:keyint=40:bframes=4 -tag:v hvc1",
        ),
        ("gop250.mp4", X264 + " -g 250 -sc_threshold 0"),
        ("onekey.mp4", X264 + " -g 9999 -keyint_min 9999 -sc_threshold 0"),
        ("intra.mov", "-c:v mjpeg -q:v 8"),
    ],
)
def test_groups_of_pictures(name: str, video: str, tmp_path: Path) -> None:
    result = publish(clip(name, frames=560, video=video, audio=""), tmp_path)
    assert numbers(result) == list(range(560))
    assert result.plan.segments >= 2


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_a_start_that_is_not_zero(name: str, tmp_path: Path) -> None:
    late = remuxed(name, clip("plain.mp4", frames=560), output="-c copy -output_ts_offset 5.3")
    result = publish(late, tmp_path)
    assert result.plan.cuts[0] > 0
    assert numbers(result) == list(range(560))
    assert_same_sound(heard_with_the_pictures(result), sweep(23), 4096, 22 * 48_000)


def test_an_edit_list_that_cuts_into_a_group_of_pictures(tmp_path: Path) -> None:
    whole = clip("gop250a.mp4", frames=760, video=X264 + " -g 250 -sc_threshold 0")
    result = publish(remuxed("cut.mp4", whole, before="-ss 3.1"), tmp_path)
    first = numbers(result)[0]
    assert 76 <= first <= 78
    assert numbers(result) == list(range(first, 760))


def test_an_edit_list_that_delays_the_picture(tmp_path: Path) -> None:
    """The published timeline begins with the sound; the first picture stands until its time, and they stay in step."""
    base = clip("plain.mp4", frames=560)
    delayed = remuxed("delayed.mp4", base, before=f"-i {base} -itsoffset 0.75", output="-map 1:v -map 0:a -c copy")
    result = publish(delayed, tmp_path)
    assert numbers(result) == list(range(560))
    assert_same_sound(heard(result), sweep(23), 4096, 21 * 48_000)
    assert_same_sound(heard_with_the_pictures(result), sweep(23)[36_000:], 4096, 21 * 48_000)


@pytest.mark.parametrize(("frames", "rate"), [(1, "25"), (10, "25"), (999, "100"), (500, "50"), (1001, "100")])
def test_lengths(frames: int, rate: str, tmp_path: Path) -> None:
    """One frame, 0.4 s, 9.99, 10.00 and 10.01 s."""
    result = publish(clip("length.mp4", frames=frames, rate=rate, audio="-c:a aac -t 10.01"), tmp_path)
    came = numbers(result)
    assert came == (list(range(frames)) if Fraction(rate) <= 60 else sorted(set(came)))
    assert sum(result.plan.frames) == len(came)
    assert result.plan.segments == 1
    length = result.plan.seconds(result.plan.cuts[-1])
    assert length == pytest.approx(frames / float(Fraction(rate)), abs=0.002)


def test_fields_in_packets_of_their_own_are_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broadcast H.264 may send each field as a packet: half as many pictures as packets is not damage."""
    source = str(clip("plain.mp4", frames=560))
    planned = plan(source)
    fields = msgspec.structs.replace(
        planned,
        frames=[2 * count for count in planned.frames],
        source=msgspec.structs.replace(planned.source, interlaced=True),
    )
    runs: list[int | None] = []
    encode = SegmentJob.encode

    def counted(self: SegmentJob, seek: int | None) -> list[bytes]:
        runs.append(seek)
        return encode(self, seek)

    monkeypatch.setattr(SegmentJob, "encode", counted)
    (segment,) = encode_segment(source, fields, 1, ["180p"], tmp_path)
    assert segment.frames == planned.frames[1]
    assert len(runs) == 1


def test_a_seek_that_misses_is_noticed_and_repeated_from_further_back(tmp_path: Path) -> None:
    """A container whose seeks land late: the count tells, and decoding starts again from further back."""
    source = str(clip("gop50.mp4", frames=560, video=X264 + " -g 50"))
    planned = plan(source)
    late = msgspec.structs.replace(planned, seeks=[None, *(seek + 30_000 for seek in planned.seeks[1:] if seek)])
    (segment,) = encode_segment(source, late, 1, ["180p"], tmp_path)
    assert segment.frames == planned.frames[1]
