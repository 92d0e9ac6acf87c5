"""One release: every refusal comes before the first change, and a commit that fails leaves the files as they were."""

import subprocess
from datetime import date
from pathlib import Path

from tools.release import changelog, version

FILES = ("CHANGELOG.md", "pyproject.toml")


class Refused(Exception):
    """Nothing was released, and one sentence says why and what to do."""


def release(root: Path, wanted: str, day: date) -> str:
    """Commits and tags the release `wanted` of the repository at `root`; returns the tag. Raises Refused."""
    new = version.parsed(wanted)
    if new is None:
        raise Refused(f"{wanted} is not a version: give three numbers, such as 1.2.3.")
    if _git(root, "status", "--porcelain"):
        raise Refused("The working tree has changes that are not committed: commit or stash them first.")
    tag = f"v{wanted}"
    if _git(root, "tag", "--list", tag):
        raise Refused(f"The tag {tag} exists already: choose a newer version.")
    notes_file, version_file = (root / name for name in FILES)
    now = version.of(version_file.read_text())
    if new < (version.parsed(now) or new):
        raise Refused(f"{wanted} is older than {now}, the version in pyproject.toml: choose a newer one.")
    notes = changelog.unreleased(notes_file.read_text())
    if not notes:
        raise Refused("CHANGELOG.md has nothing under [Unreleased]: write down what changed first.")

    notes_file.write_text(changelog.with_release(notes_file.read_text(), wanted, day))
    version_file.write_text(version.with_version(version_file.read_text(), wanted))
    try:
        _git(root, "commit", "--quiet", "--message", f"Release {wanted}", *FILES)
    except Refused:
        _git(root, "restore", "--staged", "--worktree", *FILES)
        raise
    # verbatim: git would take the notes' headings, which begin with #, for comments
    _git(root, "tag", "--annotate", tag, "--cleanup=verbatim", "--message", f"Wadi {wanted}\n\n{notes}\n")
    return tag


def _git(root: Path, *arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if ended.returncode:
        raise Refused(f"git {arguments[0]} failed: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout.strip()
