"""The logs of all processes, as one."""

import sys
import time
from pathlib import Path

from local.postgres import LocalError

FOLLOW_SECONDS = 0.3
TAIL_BYTES = 256 * 1024


def show_logs(folder: Path, service: str | None, *, lines: int, follow: bool) -> int:
    """Prints the last lines of a service, or of all with their names before them; then what comes."""
    if service and not (folder / f"{service}.log").exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise LocalError(f"There is no log of {service!r} (there are: {known}).")
    seen: dict[Path, int] = {}
    for file in _files(folder, service):
        seen[file] = file.stat().st_size
        for line in _tail(file, lines):
            print(_named(file, line, service))
    while follow:
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)
        for file in _files(folder, service):
            for line in _news(file, seen):
                print(_named(file, line, service))
    return 0


def _files(folder: Path, service: str | None) -> list[Path]:
    return [folder / f"{service}.log"] if service else sorted(folder.glob("*.log"))


def _tail(file: Path, lines: int) -> list[str]:
    with file.open("rb") as text:
        text.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return text.read().decode(errors="replace").splitlines()[-lines:]


def _news(file: Path, seen: dict[Path, int]) -> list[str]:
    """Whole lines since the last look; a log that has become shorter was begun anew."""
    start = seen.get(file, 0)
    if file.stat().st_size < start:
        start = 0
    with file.open("rb") as text:
        text.seek(start)
        news = text.read()
    whole = news[: news.rfind(b"\n") + 1]
    seen[file] = start + len(whole)
    return whole.decode(errors="replace").splitlines()


def _named(file: Path, line: str, service: str | None) -> str:
    return line if service else f"{file.stem:20} {line}"
