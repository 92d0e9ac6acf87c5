"""Every process of a cluster, also one that nobody noted: an `up` that was killed leaves such.

tools/backends/server.py starts each with a HOME below the cluster's folder, which its children inherit; none of a
person has such a home. PostgreSQL has no HOME and is known by its data folder, its workers by who started them.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tools.backends.cache import BackendError
from tools.backends.server import began

SECONDS = 60.0  # a node ends after every pod of it, and both cores may be busy


def of(folder: Path) -> dict[int, int]:
    """When each of them began, by its number."""
    within = os.fsencode(folder) + b"/"
    parents = {int(one.name): one for one in Path("/proc").glob("[0-9]*")}
    found = {pid for pid, process in parents.items() if _named(process, within)}
    started = {pid: _parent(process) for pid, process in parents.items()}
    while more := {pid for pid, parent in started.items() if parent in found} - found:
        found |= more
    return {pid: when for pid in found if (when := began(pid)) is not None}


def kill(folder: Path) -> None:
    """At once. Returns when the last one is gone, and with the first process of a node all that ran in it."""
    deadline = time.monotonic() + SECONDS
    while found := of(folder):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while left := [pid for pid, when in found.items() if began(pid) == when]:
            if time.monotonic() > deadline:
                raise BackendError(f"Processes of the cluster do not end: {', '.join(map(str, left))}.")
            time.sleep(0.02)


def _named(process: Path, within: bytes) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
        arguments = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is another user's
        return False
    data = arguments[arguments.index(b"-D") + 1] if b"-D" in arguments[:-1] else b""
    return data.startswith(within) or any(one.startswith(b"HOME=" + within) for one in environment)


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
