"""One limited child process: the only place where bytes of a stranger's file are decoded.

A hostile file can crash, hang or bloat a decoder; here that costs a child, not the function
that serves others beside it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from msgspec import Struct

from shared.media.errors import EncodeTrouble

LAUNCH = Path(__file__).with_name("launch.py")
STDERR_KEPT = 16_384
# What a decoder may see of our environment: no secret, no database address.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LIBVA_DRIVER_NAME")
PASSED_ON_PREFIXES = ("NVIDIA_", "WADI_FFMPEG")
GIB = 1 << 30


class Limits(Struct, frozen=True):
    memory: int = 4 * GIB  # bytes of address space; 0: none
    cpu_seconds: int = 7200
    wall_seconds: float = 3600.0
    niceness: int = 0  # of the scheduler: 19 gives way to 0 nearly always


class Ended(Struct, frozen=True):
    """How a child ended: its exit code (negative: the signal) and the end of what it complained."""

    code: int
    complaint: str
    out_of_time: bool

    @property
    def out_of_memory(self) -> bool:
        return "Cannot allocate memory" in self.complaint or "MemoryError" in self.complaint


def run(argv: list[str], limits: Limits) -> Ended:
    """Run a program to its end under limits; its stdout is dropped."""
    child = Child(argv, limits)
    for _ in child.lines():
        pass
    return child.ended()


class Child:
    """A running child, `given` its stdin: read `lines()` of its stdout to the end, then ask how it `ended()`."""

    def __init__(self, argv: list[str], limits: Limits, given: bytes = b"") -> None:
        bounds = [str(bound) for bound in (limits.memory, limits.cpu_seconds, limits.niceness)]
        command = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *bounds]
        try:
            self._process = subprocess.Popen(
                [*command, *argv],
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
            )
        except OSError as error:
            raise EncodeTrouble(f"Could not start {Path(argv[0]).name}: {error.strerror}") from error
        self._out_of_time = False
        self._tail = bytearray()
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()
        self._clock = threading.Timer(limits.wall_seconds, self._time_is_up)
        self._clock.daemon = True
        self._clock.start()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(given)

    def lines(self) -> Iterator[bytes]:
        """Lines of stdout. Leaving early (or being collected) kills the child."""
        assert self._process.stdout is not None
        try:
            yield from self._process.stdout
        except BaseException:
            self._process.kill()
            raise

    def ended(self) -> Ended:
        code = self._process.wait()
        self._clock.cancel()
        self._drain.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return Ended(code, self._tail.decode("utf-8", "replace").strip(), self._out_of_time)

    def close(self) -> None:
        """Kill what still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self.ended()

    def _time_is_up(self) -> None:
        self._out_of_time = True
        self._process.send_signal(signal.SIGKILL)

    def _drain_stderr(self) -> None:
        """Keep the last of it: a hostile file can draw gigabytes of complaints."""
        stream: IO[bytes] | None = self._process.stderr
        assert stream is not None
        while block := os.read(stream.fileno(), 65_536):
            self._tail += block
            del self._tail[:-STDERR_KEPT]


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
    kept["PYTHONPATH"] = str(Path(__file__).parents[3])
    kept["PYTHONUNBUFFERED"] = "1"
    return kept
