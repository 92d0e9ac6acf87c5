"""Migrations only add: one that was released is never changed, renamed or removed."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from shared.db.migrate import FOLDER

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(FOLDER.iterdir())


def test_names_are_a_number_of_four_digits_and_words() -> None:
    assert [file.name for file in FILES if not re.fullmatch(r"\d{4}(_[a-z0-9]+)+\.sql", file.name)] == []


def test_numbers_are_unique() -> None:
    """Two of one number were applied in an order that nobody has chosen."""
    numbers = Counter(file.name[:4] for file in FILES)
    assert [number for number, count in numbers.items() if count > 1] == []


def git(*arguments: str) -> str | None:
    """What git says; None where there is no git, no repository or no such thing in it."""
    if not shutil.which("git"):
        return None
    said = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return said.stdout.decode() if said.returncode == 0 else None


def test_what_was_released_is_as_it_was() -> None:
    """Compared with the latest tag: a database that has a migration applied refuses another text of it."""
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if tag is None:
        pytest.skip("no release is known here: no git, or no tag")
    folder = FOLDER.relative_to(ROOT).as_posix()
    released = git("ls-tree", "-r", "--name-only", tag.strip(), f"{folder}/")
    assert released, (
        f"{tag.strip()} has no {folder}: where the migrations were moved, this test must look for them there"
    )
    changed = [
        name
        for name in released.split()
        if not (ROOT / name).is_file() or (ROOT / name).read_text() != git("show", f"{tag.strip()}:{name}")
    ]
    assert changed == [], "add a new migration instead"
