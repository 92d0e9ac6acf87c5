"""Golden clips: small, generated once, and made so that every picture and sample differs from its neighbours.

Pictures carry their own number in black and white bars, so that a test reads which frames came out, not just how many.
The sound sweeps, so that it matches itself at one lag only.
"""

import functools
import hashlib
import io
import math
import os
import subprocess
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg  # type: ignore[import-untyped]  # it has no types

BARS = 16  # white, 14 bits of the number from the highest, black
SAMPLE_RATE = 48_000
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wadi" / "golden"
FORMAT = "3"  # raise when what is below changes


@functools.cache
def generator() -> str:
    """The ffmpeg that makes the clips: the locked one, whichever the library under test uses."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def cached(name: str, recipe: object, make: Callable[[Path], None]) -> Path:
    """The file that `make` makes, kept under the hash of its recipe and of the ffmpeg that made it."""
    key = hashlib.sha256(f"{FORMAT}|{Path(generator()).name}|{recipe!r}".encode()).hexdigest()[:16]
    stem, dot, suffix = name.partition(".")
    path = CACHE / f"{stem}-{key}{dot}{suffix}"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{os.getpid()}-{path.name}")
        make(unfinished)
        unfinished.rename(path)
    return path


def ffmpeg(*arguments: str | Path, given: bytes | None = None) -> None:
    command = [generator(), "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def numbered_pictures(width: int, height: int, count: int) -> bytes:
    """`count` grey pictures, each with its number in bars."""
    return b"".join(_picture(width, height, number) for number in range(count))


def _picture(width: int, height: int, number: int) -> bytes:
    bits = [1, *((number >> bit) & 1 for bit in reversed(range(BARS - 2))), 0]
    row = bytes(235 if bits[x * BARS // width] else 16 for x in range(width))
    return row * height


def read_number(luma: bytes, line_size: int, width: int, height: int, *, vertical: bool = False) -> int:
    """The number in a decoded picture; -1 when its marks are not where they should be."""
    length = height if vertical else width
    bits = []
    for bar in range(BARS):
        along = (2 * bar + 1) * length // (2 * BARS)
        x, y = (width // 2, along) if vertical else (along, height // 2)
        bits.append(luma[y * line_size + x] > 125)
    if not bits[0] or bits[-1]:
        return -1
    return sum(bit << place for place, bit in enumerate(reversed(bits[1:-1])))


@functools.cache
def sweep(seconds: float, sample_rate: int = SAMPLE_RATE) -> "array[int]":
    """A tone that sweeps between 300 and 2500 Hz and back in a period of 3.7 s: 16-bit samples, shared by all callers.

    It is read from its file: to make 23 s of it takes longer than to encode them.
    """
    samples = array("h")
    with wave.open(str(sweep_file(seconds, sample_rate)), "rb") as file:
        samples.frombytes(file.readframes(file.getnframes()))
    return samples


def sweep_file(seconds: float, sample_rate: int = SAMPLE_RATE) -> Path:
    def make(path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, sample_rate, 0, "NONE", ""))
            file.writeframes(_make_sweep(seconds, sample_rate).tobytes())

    return cached("sweep.wav", (seconds, sample_rate), make)


def _make_sweep(seconds: float, sample_rate: int) -> "array[int]":
    samples = array("h")
    phase = 0.0
    for n in range(round(seconds * sample_rate)):
        time = n / sample_rate
        phase += 2 * math.pi * (1400 - 1100 * math.cos(2 * math.pi * time / 3.7)) / sample_rate
        samples.append(round(12_000 * math.sin(phase)))
    return samples


def clip(
    name: str,
    *,
    frames: int,
    rate: str = "25",
    size: tuple[int, int] = (320, 180),
    video: str = "-c:v libx264 -preset veryfast -pix_fmt yuv420p",
    audio: str = "-c:a aac -ac 2",
    sound: float | None = None,
    before_sound: str = "",
    output: str = "",
) -> Path:
    """A numbered clip; `name` gives the container. `sound` seconds of sweep, none when `audio` is empty."""
    num, _, den = rate.partition("/")
    seconds = frames * int(den or 1) / int(num) if sound is None else sound

    def make(path: Path) -> None:
        given = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{size[0]}x{size[1]}", "-r", rate, "-i", "pipe:0"]
        if audio:
            given += [*before_sound.split(), "-i", str(sweep_file(seconds))]
            given += ["-map", "0:v", "-map", "1:a"]
        pictures = numbered_pictures(*size, frames)
        ffmpeg(*given, *video.split(), *audio.split(), *output.split(), path, given=pictures)

    return cached(name, (frames, rate, size, video, audio, seconds, before_sound, output), make)


def remuxed(name: str, source: Path, before: str = "", output: str = "-c copy") -> Path:
    """`source` in another container, or with other tags, without encoding it again."""
    return cached(
        name,
        (source.name, before, output),
        lambda path: ffmpeg(*before.split(), "-i", source, *output.split(), path),
    )


def damaged(name: str, source: Path, harm: Callable[[bytearray], bytes], recipe: str) -> Path:
    def make(path: Path) -> None:
        path.write_bytes(harm(bytearray(source.read_bytes())))

    return cached(name, (source.name, recipe), make)


def blot(data: bytearray, first: float, after: float) -> bytes:
    """Zero every picture between two seconds."""
    with av.open(io.BytesIO(bytes(data)), "r") as container:
        for packet in container.demux(video=0):
            if packet.pts is not None and packet.pos is not None and first <= packet.pts * packet.time_base < after:
                data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    return bytes(data)
