"""Directories for work in progress."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.config import setting

ABANDONED_AFTER = 24 * 3600.0  # seconds; no work takes so long


def _root() -> Path:
    root = Path(setting("WADI_DATA")) / "work"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def workspace(capability: str) -> Iterator[Path]:
    """A directory of one's own, gone at the end. Raises OSError when the disk is full or read-only."""
    with tempfile.TemporaryDirectory(prefix=f"{capability}-", dir=_root()) as folder:
        yield Path(folder)


def remove_abandoned() -> int:
    """Removes what killed processes left; how many directories."""
    before = time.time() - ABANDONED_AFTER
    removed = 0
    for folder in _root().iterdir():
        with suppress(FileNotFoundError):  # its owner was faster
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed
