"""Processes that a runner started, on record, so that the next runner finds what a kill -9 left behind.

The kernel kills a function's process with its runner (local/activator/zygote.py), but not what that process started
(ffmpeg). Each function's process leads a session of its own, so all that it started is found by the session's number.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """Of /proc/<pid>/stat (proc_pid_stat(5))."""

    pid: int
    state: str
    session: int
    started: int  # clock ticks after the boot: with the pid it names a process for good


def stat(pid: int) -> Stat | None:
    """What the kernel says of a process; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Stat(pid, fields[0], int(fields[3]), int(fields[19]))


def alive(pid: int, started: int) -> bool:
    """Whether this very process still runs, and not another with its number."""
    found = stat(pid)
    return found is not None and found.started == started and found.state not in "ZX"


class Registry:
    """A small file for each function's process, under $WADI_DATA/run/instances."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, pid: int, service: str) -> None:
        found = stat(pid)
        if found:
            record = {"pid": pid, "started": found.started, "service": service}
            (self.folder / f"{pid}.json").write_text(json.dumps(record))

    def remove(self, pid: int) -> None:
        (self.folder / f"{pid}.json").unlink(missing_ok=True)

    def kill_orphans(self) -> list[int]:
        """Kills what an earlier runner left, with all that it had started; the pids."""
        killed = []
        for file in self.folder.glob("*.json"):
            try:
                record = json.loads(file.read_text())
                leader, started = int(record["pid"]), int(record["started"])
            except (ValueError, KeyError, TypeError):
                file.unlink(missing_ok=True)  # half written when the runner was killed
                continue
            killed += kill_session(leader, started)
            file.unlink(missing_ok=True)
        return killed


def kill_session(leader: int, started: int) -> list[int]:
    """SIGKILL to every process of the session that this leader began, the leader itself included; the pids.

    While any process of a session lives, the kernel gives its number to no new process. So a leader of another start
    time means that the whole session is gone.
    """
    now = stat(leader)
    if now is not None and now.started != started:
        return []
    killed = []
    for member in _session(leader):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, signal.SIGKILL)
            killed.append(member.pid)
    return killed


def _session(leader: int) -> Iterator[Stat]:
    for entry in Path("/proc").iterdir():
        found = stat(int(entry.name)) if entry.name.isdigit() else None
        if found and found.session == leader and found.state not in "ZX":
            yield found
