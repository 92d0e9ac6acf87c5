"""Encode a whole clip as the functions do, and check the result against what the media library promises."""

import io
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul
from pathlib import Path

import av
from msgspec import Struct

from shared.media.audio.encode import encode_audio
from shared.media.encode.segment import encode_segment
from shared.media.model import FRAME_SAMPLES, SAMPLE_RATE, MediaSegment, Plan
from shared.media.mp4 import children, demux, find
from shared.media.planning.plan import plan as make_plan
from tests.media.clips import read_number


class Result(Struct):
    plan: Plan
    tracks: dict[str, list[MediaSegment]]

    def joined(self, rendition: str) -> bytes:
        """Init segment + all media segments, as a player appends them."""
        track = self.tracks[rendition]
        return Path(track[0].init_path).read_bytes() + b"".join(Path(s.path).read_bytes() for s in track)

    @property
    def video(self) -> list[MediaSegment]:
        return self.tracks[self.plan.renditions[0].name]


def publish(source: Path | str, out_dir: Path, renditions: list[str] | None = None) -> Result:
    plan = make_plan(str(source))
    names = renditions or [rung.name for rung in plan.renditions]
    tracks: dict[str, list[MediaSegment]] = {name: [] for name in names}
    for index in range(plan.segments):
        for segment in encode_segment(str(source), plan, index, names, out_dir):
            tracks[segment.rendition].append(segment)
    for track in plan.source.audio:
        tracks[track.rendition] = list(encode_audio(str(source), plan, out_dir, track.rendition))
    result = Result(plan, tracks)
    for name in tracks:
        assert_track(result, name)
    return result


def assert_track(result: Result, name: str) -> None:
    """One init segment, no gap, no overlap, exact counts, and a demuxer that agrees."""
    track = result.tracks[name]
    plan = result.plan
    assert [segment.index for segment in track] == list(range(plan.segments))
    assert len({segment.init_sha256 for segment in track}) == 1
    assert track[0].start == 0
    for before, after in pairwise(track):
        assert before.start + before.duration == after.start
    for segment in track:
        assert_segment(segment)
        assert segment.duration / segment.timescale <= plan.target_duration
    data = result.joined(name)
    packets = demuxed(data)
    assert len(packets) == sum(segment.frames for segment in track)
    stamps = [packet[0] for packet in packets]
    assert all(a < b for a, b in pairwise(stamps)), "decode times must rise over the joins"
    span = plan.seconds(plan.cuts[-1])
    ends = (track[-1].start + track[-1].duration) / track[-1].timescale
    assert abs(ends - span) <= (FRAME_SAMPLES / SAMPLE_RATE if name.startswith("audio") else 1 / 90_000)


def assert_segment(segment: MediaSegment) -> None:
    """The file says exactly what its MediaSegment says."""
    data = Path(segment.path).read_bytes()
    assert len(data) == segment.size
    assert [box.type for box in children(data)] == ["styp", "moof", "mdat"]
    tfdt = find(data, "moof/traf/tfdt")
    assert int.from_bytes(data[tfdt.body + 4 : tfdt.end]) == segment.start
    trun = find(data, "moof/traf/trun")
    durations = [int.from_bytes(data[at : at + 4]) for at in range(trun.body + 12, trun.end, 16)]
    assert sum(durations) == segment.duration, "the next segment begins where this one ends"
    assert all(durations)
    parts = demux(Path(segment.init_path).read_bytes() + data)
    assert len(parts.samples) == segment.frames > 0
    times = sorted(sample.pts for sample in parts.samples)
    assert times[0] == segment.start
    assert times[-1] < segment.start + segment.duration
    assert len(set(times)) == len(times)
    assert parts.samples[0].pts == segment.start, "a segment starts with the picture that it can be decoded from"


def demuxed(data: bytes) -> list[tuple[int, int]]:
    with av.open(io.BytesIO(data), "r") as container:
        packets = container.demux(container.streams[0])
        return [(p.dts, p.pts) for p in packets if p.dts is not None and p.pts is not None]


def decoded_pictures(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def numbers(result: Result, rendition: str | None = None, *, vertical: bool = False) -> list[int]:
    """Which of the numbered pictures came out, in order of presentation."""
    frames = decoded_pictures(result.joined(rendition or result.plan.renditions[0].name))
    times = [frame.pts for frame in frames]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(times))
    assert not any(frame.is_corrupt for frame in frames)
    return [
        read_number(bytes(f.planes[0]), f.planes[0].line_size, f.width, f.height, vertical=vertical) for f in frames
    ]


def heard(result: Result) -> "array[int]":
    """The left channel as a player hears it, in 16-bit samples."""
    out = array("h")
    resampler = av.AudioResampler("s16p", "stereo", SAMPLE_RATE)
    with av.open(io.BytesIO(result.joined("audio")), "r") as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                out.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
    return out


def heard_with_the_pictures(result: Result) -> "array[int]":
    """The same from the time on that the first picture has in the source: sound from before it is published too."""
    info = result.plan.source
    before = (info.start_pts - result.plan.cuts[0]) * info.time_base.fraction()
    return heard(result)[round(before * SAMPLE_RATE) :]


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Correlation of two runs of samples: 1 when they are the same sound at the same time."""
    power = sum(map(mul, one, one)) * sum(map(mul, other, other))
    return sum(map(mul, one, other)) / power**0.5 if power else 0.0


def best_lag(sound: Sequence[int], wanted: Sequence[int], at: int, length: int = 4800, reach: int = 60) -> int:
    """By how many samples `sound` is later than `wanted`, around `at`."""
    target, around = wanted[at : at + length], sound[at - reach : at + reach + length]
    power = [0, *accumulate(map(mul, around, around))]  # of all before each sample: the lags' windows overlap

    def like(lag: int) -> float:  # likeness() but for the power of the target, which is the same for all
        begin, end = reach + lag, min(reach + lag + length, len(around))
        own = power[end] - power[begin]
        return sum(map(mul, around[begin:end], target)) / own**0.5 if own else 0.0

    return max(range(-reach, reach + 1), key=like)


def assert_same_sound(sound: Sequence[int], wanted: Sequence[int], first: int, last: int, stray: int = 2) -> None:
    """No gap, click or repeat anywhere between two samples, and at most two samples of lag (or `stray`)."""
    lags = {best_lag(sound, wanted, at) for at in range(first, last - 4800, max(4800, (last - first) // 6))}
    assert max(map(abs, lags)) <= stray
    assert max(lags) - min(lags) <= 2
    if (usual := min(lags)) > 2:
        sound = sound[usual:]
    elif usual < -2:
        wanted = wanted[-usual:]
    for at in range(first, last - FRAME_SAMPLES, FRAME_SAMPLES // 2):
        like = likeness(sound[at : at + FRAME_SAMPLES // 2], wanted[at : at + FRAME_SAMPLES // 2])
        assert like > 0.95, f"the sound breaks at sample {at}: {like:.3f}"
