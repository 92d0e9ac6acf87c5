"""The processes of a running platform, by what they are."""

import json
import os
import select
import signal
from contextlib import suppress
from pathlib import Path


def runner_of(data: Path) -> int | None:
    """The runner's pid, or None when it does not run."""
    try:
        pid = int(json.loads((data / "run" / "state.json").read_text())["pid"])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError, KeyError):
        return None
    return None if state in "ZX" else pid


def database_of(data: Path) -> int | None:
    """The pid of PostgreSQL's postmaster."""
    try:
        return int((data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def below(pid: int) -> list[int]:
    """All descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        next_ones = children.get(waiting.pop(), [])
        found += next_ones
        waiting += next_ones
    return found


def victims(data: Path) -> dict[str, list[int]]:
    """Pids by kind: runner, postgres, and "work" (functions, what they have started, and their parent)."""
    runner, database = runner_of(data), database_of(data)
    theirs = set(below(database)) | {database} if database else set()
    work = [pid for pid in below(runner) if pid not in theirs] if runner else []
    kinds = {"runner": [runner] if runner else [], "postgres": [database] if database else [], "work": sorted(work)}
    return {kind: pids for kind, pids in kinds.items() if pids}


def kill(pid: int) -> None:
    """Returns when it is gone: SIGKILL takes effect a little later."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 10)
        finally:
            os.close(handle)
