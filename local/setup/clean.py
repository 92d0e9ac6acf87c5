"""Takes Wadi off this machine: stops it and what ./task backends and cluster:up have started, then removes its data,
.venv and caches. Called by ./task clean.

Runs on the bare Python of the system: it must work whatever state .venv is in.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".task", ".site", "tests/browser/node_modules")
CODE = ("shared", "events", "functions", "local", "cli", "deploy", "tools", "tests")
STARTED = {".cluster": "tools.cluster", ".backends": "tools.backends"}  # folder: the module that stops what runs in it
MARKS = ("postgres", "objects", "secret", "run", "logs")  # one of these tells a directory of ours


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--"]
    if set(arguments) - {"-y", "--yes"}:
        print("usage: ./task clean [--yes]", file=sys.stderr)
        return 2
    data = Path(os.environ.get("WADI_DATA") or ROOT / ".data").absolute()
    if data.exists() and not _is_ours(data):
        print(
            f"{data} does not look like a data directory of Wadi's; it is left alone. Check WADI_DATA.", file=sys.stderr
        )
        return 1
    caches = [*(ROOT / name for name in (*STARTED, *CACHES)), *_byte_code(), _own_cache()]
    to_remove = [path for path in (data, VENV, *caches) if path.exists()]
    if not to_remove:
        print("There is nothing to remove.")
        return 0
    if not arguments and data.exists() and not _agreed(data):
        return 1
    running = {data / "run": "cli"} | {ROOT / folder: module for folder, module in STARTED.items()}
    for folder, module in running.items():
        if folder.exists() and not _stopped(module):
            print("Wadi could not be stopped, so nothing was removed.", file=sys.stderr)
            return 1
    for path in to_remove:
        try:
            shutil.rmtree(path)
        except OSError as error:
            print(f"{error.filename or path} cannot be removed: {error.strerror}.", file=sys.stderr)
            return 1
    print(f"Removed {', '.join(str(path) for path in to_remove[:2])} and caches.")
    return 0


def _stopped(module: str) -> bool:
    """Without an environment there is nothing that could have started it, nor stop it."""
    python = VENV / "bin" / "python"
    return not python.exists() or subprocess.run([python, "-m", module, "down"], cwd=ROOT, check=False).returncode == 0


def _agreed(data: Path) -> bool:
    """Asks; without a person to ask, the answer is no."""
    if not sys.stdin.isatty():
        print(f"This would remove every video and account in {data}: say ./task clean --yes.", file=sys.stderr)
        return False
    print(f"This removes every video and account in {data}. Go on? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _is_ours(data: Path) -> bool:
    if data == Path.home() or data == ROOT or data in ROOT.parents:
        return False
    names = {path.name for path in data.iterdir()}
    return not names or bool(names & set(MARKS))


def _own_cache() -> Path:
    """Sample clips and the like, where programs keep such things for their user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wadi"


def _byte_code() -> list[Path]:
    return [found for folder in CODE for found in (ROOT / folder).rglob("__pycache__")]


if __name__ == "__main__":
    sys.exit(main())
