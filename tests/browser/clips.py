"""Clips whose pictures carry their number and whose sound beeps with certain pictures."""

import math
import wave
from array import array
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.media.clips import SAMPLE_RATE, cached, ffmpeg, numbered_pictures

BEEP_SECONDS = 0.05
SMALL = (320, 180)


@dataclass(frozen=True)
class Clip:
    """Picture n is shown at n / rate. `shown`: the numbers of those there are; with each of `beeps` a beep begins."""

    path: Path
    rate: Fraction
    shown: tuple[int, ...]
    beeps: tuple[int, ...]

    def time(self, number: int) -> float:
        return float(number / self.rate)

    @property
    def seconds(self) -> float:
        return self.time(self.shown[-1] + 1)


def steady() -> Clip:
    """32 s at 30 fps, 720p, with B-frames; keyframes every 70 pictures, so no segment ends on a whole second."""
    return _clip("steady.mp4", Fraction(30), range(960), (1280, 720), "-g 70 -bf 3")


def uneven() -> Clip:
    """26 s of small pictures at 29.97 fps of which every seventh is missing: a variable frame rate."""
    return _clip("uneven.mkv", Fraction(30_000, 1001), range(780), SMALL, "-g 90 -bf 2", missing=3)


def _clip(
    name: str, rate: Fraction, numbers: range, size: tuple[int, int], coding: str, missing: int | None = None
) -> Clip:
    """`missing`: which of every seven pictures is left out."""
    shown = tuple(number for number in numbers if number % 7 != missing)
    beeps = shown[15::30]

    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".wav")
        _write_beeps(wav, [float(number / rate) for number in beeps], float(len(numbers) / rate))
        pictures = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gray",
            "-s",
            f"{SMALL[0]}x{SMALL[1]}",
            "-r",
            str(rate),
            "-i",
            "pipe:0",
        ]
        keep = "" if missing is None else f"select='not(eq(mod(n,7),{missing}))',"
        scale = f"{keep}scale={size[0]}:{size[1]}:flags=neighbor,format=yuv420p"
        video = f"-c:v libx264 -preset veryfast -sc_threshold 0 {coding}".split()
        sound = ["-c:a", "aac", "-b:a", "128k"]
        try:
            ffmpeg(
                *pictures,
                "-i",
                wav,
                "-vf",
                scale,
                "-fps_mode",
                "passthrough",
                *video,
                *sound,
                path,
                given=numbered_pictures(*SMALL, len(numbers)),
            )
        finally:
            wav.unlink()

    path = cached(name, ("beeps", rate, numbers, size, coding, missing), make)
    return Clip(path, rate, shown, beeps)


def _write_beeps(path: Path, onsets: list[float], seconds: float) -> None:
    samples = array("h", bytes(2 * round(seconds * SAMPLE_RATE)))
    for onset in onsets:
        first = round(onset * SAMPLE_RATE)
        for n in range(round(BEEP_SECONDS * SAMPLE_RATE)):
            samples[first + n] = round(16_000 * math.sin(2 * math.pi * 1000 * n / SAMPLE_RATE))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
