"""Uploads in progress, noted on disk, so that a new client can resume them.

A note is keyed by server, account, path, name, size and modification time: a file that changed since is another file.
Which parts have arrived is not noted here, since the server knows. Who sends a file holds its note: two that did so at
once would send the same parts, and one would publish what the other was asked for.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cli.errors import CliError
from cli.upload.source import SourceFile

# The server has long forgotten an upload of this age.
KEPT_SECONDS = 7 * 24 * 3600


class Words(msgspec.Struct):
    """What the video is to be called and who may see it. No title: the file's name."""

    title: str
    visibility: str


class SavedUpload(msgspec.Struct):
    upload_id: str
    video_id: str
    changed_ns: int = 0  # SourceFile.changed_ns of when it was begun
    words: Words | None = None  # that the server was told; None: not known, since we ended while telling it


class Note:
    """The note of one file, as an open file that this process has locked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self) -> SavedUpload | None:
        try:
            return msgspec.json.decode(os.pread(self._descriptor, 2**16, 0), type=SavedUpload)
        except msgspec.MsgspecError:
            return None  # then the upload begins again

    def write(self, upload: SavedUpload) -> None:
        """In place, since the lock is on this very file. Half a note is read as none."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, msgspec.json.encode(upload), 0)
        except OSError as error:
            raise CliError(f"The note of the upload cannot be written: {error.strerror}.") from None

    def clear(self) -> None:
        os.ftruncate(self._descriptor, 0)

    @property
    def is_clear(self) -> bool:
        return os.fstat(self._descriptor).st_size == 0


class SavedUploads:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def hold(self, server: str, account: str, source: SourceFile) -> Iterator[Note]:
        """The note of a file, for this process alone. Raises CliError while another one sends the file."""
        key = "\n".join([server, account, source.name, str(source.size), str(source.mtime_ns), ""]).encode()
        digest = hashlib.sha256(key + os.fsencode(source.path.resolve())).hexdigest()
        file = self._directory / f"{digest[:32]}.json"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            descriptor = _locked(file)
        except BlockingIOError:
            raise CliError(
                f"{source.path} is being uploaded by another wadi.",
                hint="Wait for its end. When it is stopped, the same command goes on with the rest.",
            ) from None
        except OSError as error:
            raise CliError(f"{file} cannot be written: {error.strerror}.") from None
        note = Note(descriptor)
        try:
            yield note
        finally:
            if note.is_clear:
                file.unlink(missing_ok=True)  # before the lock is given back: afterwards it may be another's
            os.close(descriptor)

    def _sweep(self) -> None:
        for file in self._directory.glob("*.json"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < time.time() - KEPT_SECONDS:
                    descriptor = _locked(file)  # an upload may take as long
                    file.unlink()
                    os.close(descriptor)


def _locked(file: Path) -> int:
    """The file, open, made where it is not there, and locked. Raises BlockingIOError when another has it."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == file.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # its last holder removed it while we opened it
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
