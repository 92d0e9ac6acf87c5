"""An upload in parts, in a directory.

    uploads/<id>/upload.json   what is uploaded; a shared lock on it is held by whoever writes a part
    uploads/<id>/data          one sparse file: each part is written where it belongs, so completion is a rename
    uploads/<id>/parts/<n>     the part's SHA-256 once its bytes are durable; empty while it is being written

The locks (flock) hold between processes and vanish with them.
"""

import fcntl
import hashlib
import json
import os
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from shared.objects.base import (
    ChecksumMismatch,
    ObjectInfo,
    PartBusy,
    PartInfo,
    PartSizeWrong,
    PartsMissing,
    UploadGone,
    part_count,
    part_length,
)
from shared.objects.durable import make_folder, move_into_place, node_errors, sync_folder, write_file


class Manifest(NamedTuple):
    """upload.json"""

    key: str
    size: int
    part_size: int

    @property
    def last(self) -> int:
        """The number of the last part."""
        return part_count(self.size, self.part_size)

    def length(self, part: int) -> int:
        return part_length(self.size, self.part_size, part)


def start(folder: Path, manifest: Manifest) -> None:
    make_folder(folder / "parts")
    with (folder / "data").open("wb") as file:
        file.truncate(manifest.size)
        os.fsync(file.fileno())
    write_file(folder / "upload.json", json.dumps(manifest._asdict()))


def read_manifest(folder: Path) -> Manifest:
    """Raises UploadGone."""
    try:
        return Manifest(**json.loads((folder / "upload.json").read_text()))
    except FileNotFoundError:
        raise UploadGone(f"there is no upload {folder.name}") from None


def received(folder: Path, manifest: Manifest) -> list[PartInfo]:
    """The parts that are durable."""
    found = []
    for part in range(1, manifest.last + 1):
        try:
            text = (folder / "parts" / str(part)).read_text()
        except FileNotFoundError:
            continue
        if len(text) == 65 and text.endswith("\n"):
            found.append(PartInfo(part, manifest.length(part), text[:64]))
    return found


def complete(folder: Path, manifest: Manifest, target: Path) -> ObjectInfo:
    """Moves the data to `target`. The folder stays, so that a second call answers the same."""
    with ExitStack() as stack:
        guard = _open(stack, folder / "upload.json", os.O_RDONLY)
        _lock(guard, fcntl.LOCK_EX, "a part of this upload is being written")
        parts = received(folder, manifest)
        missing = sorted(set(range(1, manifest.last + 1)) - {part.number for part in parts})
        if missing:
            raise PartsMissing(missing)
        data = folder / "data"
        if data.exists():
            move_into_place(data, target)
            sync_folder(folder)
        elif not target.exists():
            raise UploadGone(f"the object of upload {folder.name} is gone")
    digest = hashlib.sha256(b"".join(bytes.fromhex(part.sha256) for part in parts))
    return ObjectInfo(manifest.size, digest.hexdigest(), manifest.part_size)


def forget(folder: Path) -> None:
    (folder / "upload.json").unlink(missing_ok=True)  # first: without it there is no upload
    shutil.rmtree(folder, ignore_errors=True)


class PartWriter:
    """Writes one part: write() as the bytes come, then finish(). Left early, the part counts as not received.

    Raises UploadGone, PartSizeWrong, PartBusy at the start. Threads may share it: close() waits for a write().
    """

    def __init__(self, root: Path, folder: Path, key: str, part: int) -> None:
        self._root = root
        self._digest = hashlib.sha256()
        self._written = 0
        self._closed = False
        self._lock = threading.Lock()
        with node_errors(root), ExitStack() as stack:
            self._manifest = read_manifest(folder)
            if self._manifest.key != key or not 1 <= part <= self._manifest.last:
                raise UploadGone(f"upload {folder.name} has no part {part} of {key}")
            self.number, self.length = part, self._manifest.length(part)
            self._offset = (part - 1) * self._manifest.part_size
            guard = _open(stack, folder / "upload.json", os.O_RDONLY)
            _lock(guard, fcntl.LOCK_SH, "the upload is being completed")
            self._data = _open(stack, folder / "data", os.O_WRONLY)
            self._marks = folder / "parts"
            self._mark = _open(stack, self._marks / str(part), os.O_RDWR | os.O_CREAT)
            _lock(self._mark, fcntl.LOCK_EX, "the part is being written by another connection")
            if os.fstat(self._mark).st_size:
                # what was proven is about to be overwritten: first it must durably count as not received
                os.ftruncate(self._mark, 0)
                os.fsync(self._mark)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._open.close()
            self._closed = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Raises PartSizeWrong, NodeFull."""
        with self._lock, node_errors(self._root):
            self._check_open()
            if self._written + len(data) > self.length:
                raise PartSizeWrong(f"part {self.number} has {self.length} bytes; more came")
            view = memoryview(data)
            while view:
                done = os.pwrite(self._data, view, self._offset + self._written)
                self._digest.update(view[:done])
                self._written += done
                view = view[done:]

    def finish(self, sha256: bytes | None = None) -> PartInfo:
        """Makes the part durable, and says so. Raises PartSizeWrong, ChecksumMismatch, NodeFull."""
        with self._lock, node_errors(self._root):
            self._check_open()
            if self._written != self.length:
                raise PartSizeWrong(f"part {self.number} has {self.length} bytes; {self._written} came")
            if sha256 is not None and sha256 != self._digest.digest():
                raise ChecksumMismatch(f"part {self.number} arrived with the SHA-256 {self._digest.hexdigest()}")
            os.fdatasync(self._data)
            os.pwrite(self._mark, f"{self._digest.hexdigest()}\n".encode(), 0)
            os.fsync(self._mark)
            sync_folder(self._marks)
            return PartInfo(self.number, self.length, self._digest.hexdigest())

    def _check_open(self) -> None:
        if self._closed:  # its descriptors may belong to other files by now
            raise PartBusy(f"part {self.number} was given up")


def _open(stack: ExitStack, path: Path, flags: int) -> int:
    try:
        fd = os.open(path, flags, 0o644)
    except FileNotFoundError:
        raise UploadGone("the upload was completed or removed") from None
    stack.callback(os.close, fd)
    return fd


def _lock(fd: int, kind: int, otherwise: str) -> None:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PartBusy(otherwise) from None
