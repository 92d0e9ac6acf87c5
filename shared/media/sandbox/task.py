"""Run one task of `python -m shared.media.child` in a limited process: the parent's side.

The child writes one line for each result: a tag and JSON. "result" is one result, "rejected" a sentence why the file
cannot become a video, "done" the end of a child that was not cut off.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import msgspec

from shared.media.errors import EncodeError, MediaError
from shared.media.model import Plan
from shared.media.sandbox.process import GIB, Exit, Limits, SandboxedProcess

COMMAND = [sys.executable, "-m", "shared.media.child"]
CRASH_SIGNALS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS}
LIMITS = Limits(memory=6 * GIB, cpu_seconds=3600, wall_seconds=3600.0)


def run_task(
    task: str, *arguments: str, plan: Plan | None = None, niceness: int = 0, passed: int | None = None
) -> bytes:
    """The one result of a task, as JSON. Raises as stream_task does."""
    results = list(stream_task(task, *arguments, plan=plan, niceness=niceness, passed=passed))
    if len(results) != 1:
        raise EncodeError(f"{task} gave {len(results)} results")
    return results[0]


def stream_task(
    task: str, *arguments: str, plan: Plan | None = None, niceness: int = 0, passed: int | None = None
) -> Iterator[bytes]:
    """The results of a task, each as JSON, as soon as the child has them. `passed` is a file descriptor for the
    child; here it is closed as soon as the child has it, so that its reader sees the end.

    Raises MediaError when the file is to blame, EncodeError when the child failed for another reason.
    """
    # a long plan does not fit into an argument
    stdin = subprocess.DEVNULL if plan is None else msgspec.json.encode(plan)
    limits = msgspec.structs.replace(LIMITS, niceness=niceness)
    try:
        child = SandboxedProcess([*COMMAND, task, *arguments], limits, stdin, passed)
    finally:
        if passed is not None:
            os.close(passed)
    try:
        done = False
        for line in child.lines():
            tag, _, value = line.rstrip(b"\n").partition(b" ")
            if tag == b"result":
                yield value
            elif tag == b"rejected":
                raise MediaError(msgspec.json.decode(value, type=str))
            elif tag == b"done":
                done = True
        exited = child.wait()
    finally:
        child.close()
    _check(task, exited, done)


def _check(task: str, exited: Exit, done: bool) -> None:
    if exited.timed_out:
        raise EncodeError(f"{task} took longer than {LIMITS.wall_seconds:.0f} s")
    if -exited.code in CRASH_SIGNALS:
        raise MediaError("The file is damaged in a way that makes the decoder crash.")
    if exited.code != 0 or not done:
        last = exited.stderr.splitlines()[-1:] or [f"exit code {exited.code}"]
        raise EncodeError(f"{task} ended too early: {last[0]}")
