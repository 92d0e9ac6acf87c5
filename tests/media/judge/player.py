"""What a player built on libavformat (mpv, ffmpeg, VLC) shows and plays of a file or a manifest, and when."""

from array import array
from bisect import bisect_right
from itertools import pairwise
from operator import mul
from pathlib import Path
from typing import NamedTuple

import av
from msgspec import Struct

from tests.media.clips import ffmpeg

GRID = (32, 18)  # each picture is kept as so many cells of luma
RATE = 8_000  # Hz, of the sound that is kept
HOP = 40  # samples of it in which a tone is looked for: 5 ms, whole periods of 200 Hz, 400 Hz … 1 kHz
JUMP = 0.02  # seconds between two frames of sound that are a gap, rather than rounding
TONE = 1_000  # Hz


class Picture(NamedTuple):
    time: float  # seconds
    luma: bytes  # GRID cells, row by row

    @property
    def mean(self) -> float:
        return sum(self.luma) / len(self.luma)

    @property
    def centre(self) -> float:
        """Mean luma of the middle ninth: bars at the sides do not reach it."""
        width, height = GRID
        rows = range(height * 3 // 8, height * 5 // 8)
        cells = [self.luma[row * width + at] for row in rows for at in range(width * 3 // 8, width * 5 // 8)]
        return sum(cells) / len(cells)


class Sound(NamedTuple):
    begins: float  # seconds
    channels: tuple["array[int]", "array[int]"]  # left and right, 16 bits, RATE

    @property
    def ends(self) -> float:
        return self.begins + len(self.channels[0]) / RATE

    def tone(self, channel: int, frequency: int = TONE) -> list[float]:
        """The amplitude of a tone in each HOP of a channel, 0 … 1 of full scale."""
        samples = self.channels[channel]
        turns = [complex(0, 2 * 3.141592653589793 * frequency * n / RATE) for n in range(HOP)]
        real = [2.718281828459045**turn for turn in turns]
        cosine, sine = [z.real for z in real], [z.imag for z in real]
        levels = []
        for at in range(0, len(samples) - HOP + 1, HOP):
            piece = samples[at : at + HOP]
            one, other = sum(map(mul, piece, cosine)), sum(map(mul, piece, sine))
            levels.append((one * one + other * other) ** 0.5 * 2 / HOP / 32768)
        return levels

    def beeps(self, frequency: int = TONE, channel: int | None = None) -> list[float]:
        """When a tone begins, in seconds; of both channels, whichever is louder, where `channel` names none."""
        if channel is None:
            levels = list(map(max, self.tone(0, frequency), self.tone(1, frequency)))
        else:
            levels = self.tone(channel, frequency)
        loud = max(0.05, 0.4 * max(levels, default=0.0))
        starts = _onsets([level > loud for level in levels], quiet=6)
        return [self.begins + at * HOP / RATE for at in starts]

    def loudness(self, channel: int) -> float:
        """Root mean square of a whole channel, 0 … 1 of full scale."""
        samples = self.channels[channel]
        return float((sum(map(mul, samples, samples)) / max(1, len(samples))) ** 0.5 / 32768)


class Played(Struct):
    """Times are in seconds of the file's own clock."""

    pictures: list[Picture]
    sound: Sound | None
    ends: float  # when the last picture has been shown for its duration; 0 without pictures

    @property
    def begins(self) -> float:
        return min([picture.time for picture in self.pictures[:1]] + [sound.begins for sound in [self.sound] if sound])

    @property
    def length(self) -> float:
        return max(self.ends, self.sound.ends if self.sound else 0.0) - self.begins

    def flashes(self, white: int = 200) -> list[float]:
        """When the middle of the picture turns white; black, where `white` is negative."""
        lit = [picture.centre > white if white > 0 else picture.centre < -white for picture in self.pictures]
        return [self.pictures[at].time for at in _onsets(lit, quiet=1)]

    def luma(self, begin: float, end: float) -> float:
        """Mean luma of what is on the screen between two times: a picture stands until the next one."""
        times = [picture.time for picture in self.pictures]
        first = max(0, bisect_right(times, begin) - 1)
        shown = 0.0
        for at in range(first, len(times)):
            since = begin if at == first else times[at]
            until = min(end, times[at + 1]) if at + 1 < len(times) else end
            if since >= end:
                break
            shown += max(0.0, until - since) * self.pictures[at].mean
        return shown / (end - begin)


def _onsets(states: list[bool], quiet: int) -> list[int]:
    """Where a run of True begins after at least `quiet` of False, or at the start."""
    found: list[int] = []
    silent = quiet
    for at, state in enumerate(states):
        if state:
            if silent >= quiet:
                found.append(at)
            silent = 0
        else:
            silent += 1
    return found


def play(path: Path | str, *, video: int | None = 0, audio: int | None = 0) -> Played:
    """Decodes one video and one audio stream, counted among their kind; None, or one that is not there: none."""
    with av.open(str(path), "r") as container:
        pictures_of = container.streams.video[video : video + 1] if video is not None else ()
        sound_of = container.streams.audio[audio : audio + 1] if audio is not None else ()
        pictures: list[Picture] = []
        ends, ear = 0.0, _Ear()
        for frame in container.decode([*pictures_of, *sound_of]):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            assert frame.pts is not None
            assert frame.time_base is not None
            time = float(frame.pts * frame.time_base)
            if isinstance(frame, av.VideoFrame):
                pictures.append(Picture(time, _cells(frame)))
                ends = max(ends, time + float((frame.duration or 0) * frame.time_base))
            else:
                ear.hear(time, frame)
    assert all(one.time < other.time for one, other in pairwise(pictures)), "pictures come out of order"
    return Played(pictures, ear.sound(), ends)


def play_by_ffmpeg(manifest: Path, out: Path) -> Played:
    """What the ffmpeg program, with its own clock, makes of a file or manifest, small, in a file in folder `out`."""
    copy = out / f"{manifest.name}.nut"
    size = f"scale={GRID[0]}:{GRID[1]}:flags=area,format=yuv420p"
    video = ["-map", "0:v:0", "-vf", size, "-c:v", "rawvideo", "-fps_mode", "passthrough", "-enc_time_base", "1:90000"]
    audio = ["-map", "0:a:0?", "-c:a", "pcm_s16le", "-ac", "2", "-ar", str(RATE)]
    ffmpeg("-i", manifest, *video, *audio, copy)
    return play(copy)


def _cells(frame: av.VideoFrame) -> bytes:
    small = frame.reformat(width=GRID[0], height=GRID[1], format="yuv420p", interpolation="AREA")
    plane, line = bytes(small.planes[0]), small.planes[0].line_size
    return b"".join(plane[row * line : row * line + GRID[0]] for row in range(GRID[1]))


class _Ear:
    """Puts frames of sound in their places; silence fills the gaps."""

    def __init__(self) -> None:
        self.begins: float | None = None
        self.channels = (array("h"), array("h"))
        self.heard_until = 0.0
        self.resampler: av.AudioResampler | None = None

    def hear(self, time: float, frame: av.AudioFrame) -> None:
        if self.begins is None:
            self.begins = self.heard_until = time
        if self.resampler is None or abs(time - self.heard_until) > JUMP:
            self._flush()
            self._seek(time)
            self.resampler = av.AudioResampler("s16p", "stereo", RATE)
        self.heard_until = time + frame.samples / frame.sample_rate
        self._add(self.resampler.resample(frame))

    def sound(self) -> Sound | None:
        if self.begins is None:
            return None
        self._flush()
        return Sound(self.begins, self.channels)

    def _seek(self, time: float) -> None:
        assert self.begins is not None
        wanted = max(0, round((time - self.begins) * RATE))
        for channel in self.channels:
            del channel[wanted:]
            channel.extend([0] * (wanted - len(channel)))

    def _flush(self) -> None:
        if self.resampler:
            self._add(self.resampler.resample(None))

    def _add(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            for channel, plane in zip(self.channels, frame.planes, strict=True):
                channel.frombytes(bytes(plane)[: 2 * frame.samples])
