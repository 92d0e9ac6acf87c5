"""What ./task generate says instead of a traceback."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class GenerateError(Exception):
    """One sentence: which file is wrong, and what to do."""


def shown(file: Path) -> str:
    """The path of a file from the root of the tree."""
    return str(file.relative_to(ROOT))
