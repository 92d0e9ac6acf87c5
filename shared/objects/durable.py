"""Files that are still there, and whole, after a power cut."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.objects.base import NodeFull, NodeUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def node_errors(root: Path) -> Iterator[None]:
    """What the operating system refuses, in the words of the port."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise NodeFull(f"{root}: {reason}") from error
        raise NodeUnavailable(f"{root}: {reason}") from error


def make_folder(folder: Path) -> None:
    """mkdir -p, where each new name is durable."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_file(path: Path, text: str) -> None:
    """Writes a small file so that it is there whole or not at all. The folder exists, and one process writes it."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def move_into_place(draft: Path, path: Path) -> None:
    """Renames a file that was synced, making the folders it needs."""
    while True:
        try:
            make_folder(path.parent)
            draft.replace(path)
        except FileNotFoundError:
            if not draft.exists():
                raise
            # else another process removed the folder, which was empty, in between
        else:
            sync_folder(path.parent)
            return


def remove_empty(folder: Path, top: Path) -> None:
    """Removes a folder and its parents below `top`, as far as they are empty."""
    with suppress(OSError):
        while folder != top:
            folder.rmdir()
            folder = folder.parent
