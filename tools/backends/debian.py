"""Programs out of Debian's packages, unpacked and not installed: no root, nothing changed on the system."""

import os
import shutil
from pathlib import Path

from tools.backends.cache import BackendError, kept, run, tool

TREE = "debian-2"  # names caches: another number where what is unpacked changes, since caches are never looked into
EVERYWHERE = {"libc6", "adduser", "lsb-base", "init-system-helpers", "libssl3", "libssl3t64", "libsystemd0"}


def tree(name: str, package: str) -> Path:
    """The unpacked package of a program, kept."""
    return kept(f"{name}-{TREE}", lambda into: unpack(name, into, package))


def unpack(name: str, into: Path, *packages: str) -> None:
    """The packages and the libraries that they depend on, and those that these do, unpacked into one tree."""
    apt = tool(name, "apt-get", "it is taken from Debian's packages where the system has none")
    try:
        run(name, apt, "-qq", "download", *packages, *_depends(name, packages), cwd=into)
    except BackendError:  # no lists yet, or older than the archive: read them into a place of our own
        options = _private_lists(into)
        run(name, apt, "-qq", *options, "update")
        run(name, apt, "-qq", *options, "download", *packages, *_depends(name, packages, *options), cwd=into)
        shutil.rmtree(into / "apt")
    for archive in into.glob("*.deb"):
        run(name, tool(name, "dpkg", "it comes with apt-get"), "-x", archive, into)
        archive.unlink()


def libraries(tree: Path) -> dict[str, str]:
    """The variable that lets programs find the tree's own libraries."""
    roots = (tree / "usr" / "lib", tree / "lib")  # before /usr was merged, some of Debian's are in the latter
    folders = [str(folder) for root in roots for folder in sorted(root.glob("*-linux-*"))]
    return {"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {}


def _depends(name: str, packages: tuple[str, ...], *options: str) -> list[str]:
    found: set[str] = set()
    asked = set(packages)
    while asked:
        said = run(name, "apt-cache", *options, "depends", "--no-suggests", "--no-recommends", *sorted(asked))
        if not said.strip():
            raise BackendError(f"{name} cannot be installed: apt knows no package {' or '.join(sorted(asked))}.")
        needed = {line.split()[1] for line in said.splitlines() if line.strip().startswith("Depends: ")}
        asked = {one for one in needed if one.startswith("lib")} - EVERYWHERE - found
        found |= asked
    return sorted(found)


def _private_lists(into: Path) -> list[str]:
    state = into / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state}"]
