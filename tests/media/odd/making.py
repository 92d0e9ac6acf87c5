"""How odd files are made: a few steps of ffmpeg, or of Python, in a folder of their own; the last one is kept.

Pictures flash and sound beeps for 0.1 s at 1 s, 3 s, 5 s …, so that the first and the last picture of a film of whole
seconds, which may stand for long, are not white.
"""

import functools
import inspect
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.media.clips import cached, ffmpeg
from tests.media.judge.player import play
from tests.media.judge.verdict import Expected, every

Step = str | functools.partial[None]
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
SIZE = "320x180"
MONO = 0.0783  # root mean square of the beeps of one channel, played by both
BOTH = 0.1107  # of the beeps in both channels


class Odd(Struct, frozen=True):
    """An odd file and what must become of it. A step is a command line of ffmpeg, or a function of
    the folder: a partial, whose arguments are a part of the recipe."""

    name: str
    steps: Sequence[Step]
    expected: Expected
    shown: str = ""  # a lavfi graph of what must be on the screen, second by second; "": that is not judged

    def __str__(self) -> str:
        return self.name

    def path(self) -> Path:
        return cached(self.name, list(map(_recipe, self.steps)), self._make)

    def judged(self) -> Expected:
        """What is expected, with the luma of what must be shown."""
        if not self.shown:
            return self.expected
        small = cached("shown.nut", self.shown, lambda path: _watch(self.shown, path))
        film = play(small, audio=None)
        luma = [film.luma(n, n + 1) for n in range(int(self.expected.length))]
        return msgspec.structs.replace(self.expected, luma=luma)

    def _make(self, path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for step in self.steps:
                if isinstance(step, str):
                    arguments = [_in(folder, word) for word in shlex.split(step)]
                    ffmpeg("-nostdin", *arguments)
                else:
                    step(Path(folder))
            shutil.copyfile(Path(folder) / self.name, path)


def _recipe(step: Step) -> object:
    return step if isinstance(step, str) else (inspect.getsource(step.func), step.args, step.keywords)


def _in(folder: str, word: str) -> str:
    """Words that name a file of the folder begin with "@"."""
    return f"{folder}/{word[1:]}" if word.startswith("@") else word


def _watch(graph: str, path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", f"{graph},scale=32:18:flags=area,format=yuv420p", "-c:v", "rawvideo", path)


def pictures(seconds: float, *, size: str = SIZE, rate: str = "25", more: str = "") -> str:
    """A lavfi graph of moving pictures with flashes."""
    return f"testsrc2=size={size}:rate={rate}:duration={seconds},{FLASHES}{more and ',' + more}"


FLASHES = "drawbox=enable='lt(mod(t+1.0001,2),0.1)':color=white:t=fill"
BEEP = "if(lt(mod(t+1,2),0.1),0.7*sin(2*PI*1000*t),0)"


def beeps(seconds: float, *, rate: int = 48_000, channels: str = "{}", layout: str = "mono") -> str:
    """A lavfi graph of beeps; `channels` has {} where a channel beeps, and 0 where it is silent."""
    return f"aevalsrc='{channels.format(*[BEEP] * channels.count('{}'))}':s={rate}:d={seconds}:c={layout}"


def lavfi(graph: str) -> str:
    """The option of ffmpeg that reads a lavfi graph."""
    return f"-f lavfi -i {shlex.quote(graph)}"


def odd_times(until: float, start: float = 0.0) -> list[float]:
    """When it flashes or beeps: 1 s, 3 s … after `start`, before `until`."""
    return every(2, until, start + 1)


def stand(seconds: float, before: float = 0.0) -> str:
    """A filter: the first picture stands so long before, and the last so long after."""
    return f"tpad=start_mode=clone:start_duration={before}:stop_mode=clone:stop_duration={seconds}"
