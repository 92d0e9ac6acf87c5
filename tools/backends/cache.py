"""Programs that were fetched or built, kept by name and version: ~/.cache/wadi/SHELF/NAME-VERSION."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

NETWORK = ("dial tcp", "refused", "resolve", "network", "unreachable", "timed out", "offline")
FAILURE = ("error", "could not", "unable", "fail")


class BackendError(Exception):
    """One line that says which server cannot be had or started, and why."""


def folder(shelf: str = "backends") -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wadi" / shelf


def kept(name: str, make: Callable[[Path], None], shelf: str = "backends") -> Path:
    """The folder with that name, made by `make` where it is missing.

    It is made beside and renamed, so it is whole or absent. A second caller waits for the first.
    """
    wanted, half = folder(shelf) / name, folder(shelf) / f"{name}.half"
    if wanted.exists():
        return wanted
    folder(shelf).mkdir(parents=True, exist_ok=True)
    with (folder(shelf) / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            make(half)
            half.rename(wanted)
    return wanted


def run(
    name: str,
    *command: str | Path,
    cwd: Path | None = None,
    variables: dict[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    """What the command printed. Raises BackendError with the last line that tells why it did not work."""
    environment = os.environ | (variables or {})
    try:
        ended = subprocess.run(
            [str(part) for part in command],
            capture_output=True, text=True, check=False, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
            timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"{name} cannot be installed: {Path(command[0]).name} took more than {seconds:.0f} s."
        ) from error
    except OSError as error:
        raise BackendError(f"{name} cannot be installed: {command[0]}: {error.strerror}.") from error
    if ended.returncode != 0:
        raise BackendError(
            f"{name} cannot be installed: {Path(command[0]).name}: {_reason(ended.stdout, ended.stderr)}"
        )
    return ended.stdout


def tool(name: str, program: str, package: str) -> str:
    """The path of a program that installing needs. Raises BackendError where it is missing."""
    found = shutil.which(program)
    if found is None:
        raise BackendError(f"{name} cannot be installed: {program} is missing ({package}).")
    return found


def _reason(*outputs: str) -> str:
    """The line that says why: of a network that is not there before of what was not done for want of it."""
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(outputs))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    telling = [line for words in (NETWORK, FAILURE) for line in lines if any(word in line.lower() for word in words)]
    line = (telling or lines or ["it ended without a word"])[0]
    return line if len(line) <= 300 else f"{line[:140]} … {line[-155:]}"
