"""One limited child process: the only place where bytes of a user's file are decoded.

A hostile file can crash, hang or bloat a decoder. Here that costs a child process, not the function that serves other
requests beside it.
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

from shared.media.errors import EncodeError

LAUNCH = Path(__file__).with_name("launch.py")
REPOSITORY = Path(__file__).parents[3]
STDERR_TAIL_BYTES = 16_384
# The part of our environment that a decoder sees: no secret, no database address.
ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"),
    *("CUDA_VISIBLE_DEVICES", "LIBVA_DRIVER_NAME"),
)
ENVIRONMENT_PREFIXES = ("NVIDIA_", "WADI_FFMPEG")
GIB = 1 << 30


class Limits(Struct, frozen=True):
    """What a child may use."""

    memory: int = 4 * GIB  # bytes of address space; 0: no limit
    cpu_seconds: int = 7200  # 0: no limit
    wall_seconds: float = 3600.0
    niceness: int = 0  # of the scheduler: at 19 it runs almost only when nothing at 0 wants to


class Exit(Struct, frozen=True):
    """How a child ended."""

    code: int  # negative: killed by that signal
    stderr: str  # its last STDERR_TAIL_BYTES
    timed_out: bool  # we killed it after Limits.wall_seconds

    @property
    def out_of_memory(self) -> bool:
        return "Cannot allocate memory" in self.stderr or "MemoryError" in self.stderr


def run(argv: list[str], limits: Limits, stdin: int = subprocess.DEVNULL) -> Exit:
    """Run a program to its end under limits; its stdout is dropped. `stdin`: a file descriptor that it reads."""
    process = SandboxedProcess(argv, limits, stdin)
    for _ in process.lines():
        pass
    return process.wait()


class SandboxedProcess:
    """A running program: read `lines()` of its stdout to the end, then `wait()` for its Exit.

    `stdin` is written to it at once, or is a file descriptor that it reads. It also gets the open file `passed`.
    Raises EncodeError when the program cannot be started.
    """

    def __init__(
        self, argv: list[str], limits: Limits, stdin: bytes | int = subprocess.DEVNULL, passed: int | None = None
    ) -> None:
        bounds = [str(bound) for bound in (limits.memory, limits.cpu_seconds, limits.niceness)]
        launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *bounds]
        try:
            self._process = subprocess.Popen(
                [*launch, *argv],
                stdin=stdin if isinstance(stdin, int) else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                pass_fds=() if passed is None else (passed,),
            )
        except OSError as error:
            raise EncodeError(f"Could not start {Path(argv[0]).name}: {error.strerror}") from error
        self._timed_out = False
        self._stderr_tail = bytearray()
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_reader.start()
        self._timer = threading.Timer(limits.wall_seconds, self._time_out)
        self._timer.daemon = True
        self._timer.start()
        if self._process.stdin is not None and isinstance(stdin, bytes):
            with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(stdin)

    def lines(self) -> Iterator[bytes]:
        """Lines of stdout. A caller that stops reading early (or drops the iterator) kills the child."""
        assert self._process.stdout is not None
        try:
            yield from self._process.stdout
        except BaseException:
            self._process.kill()
            raise

    def wait(self) -> Exit:
        code = self._process.wait()
        self._timer.cancel()
        self._stderr_reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return Exit(code, self._stderr_tail.decode("utf-8", "replace").strip(), self._timed_out)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()

    def _time_out(self) -> None:
        self._timed_out = True
        self._process.send_signal(signal.SIGKILL)

    def _read_stderr(self) -> None:
        """Keep only the tail: a hostile file can cause gigabytes of error messages."""
        stream: IO[bytes] | None = self._process.stderr
        assert stream is not None
        while block := os.read(stream.fileno(), 65_536):
            self._stderr_tail += block
            del self._stderr_tail[:-STDERR_TAIL_BYTES]


def _environment() -> dict[str, str]:
    passed = {k: v for k, v in os.environ.items() if k in ENVIRONMENT or k.startswith(ENVIRONMENT_PREFIXES)}
    return {**passed, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
