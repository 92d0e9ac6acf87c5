"""The file that is uploaded. It is read where it lies, a block at a time, and must stay as it is."""

import base64
import hashlib
import mimetypes
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.errors import CliError
from cli.exits import Exit

BLOCK = 256 * 1024


class SourceFile:
    def __init__(self, path: Path) -> None:
        """Opens the file, or says in words why it cannot be uploaded."""
        self.path = path
        try:
            # A named pipe would keep us waiting for its writer; O_NONBLOCK does not.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise CliError(f"{path} does not exist.", Exit.NOT_FOUND) from None
        except OSError as error:
            raise CliError(f"{path} cannot be read: {error.strerror}.", Exit.USAGE) from None
        found = os.fstat(self._descriptor)
        self.size = found.st_size
        self.mtime_ns = found.st_mtime_ns
        self.changed_ns = found.st_ctime_ns  # of the last change of any kind, which no program can set
        if refusal := _refusal(path, found):
            self.close()
            raise CliError(refusal, Exit.USAGE)

    def close(self) -> None:
        os.close(self._descriptor)

    @property
    def name(self) -> str:
        """Of the file, as the platform may be told it: file systems allow any bytes, among them line ends."""
        name = self.path.name.encode(errors="replace").decode()
        return "".join(c if c.isprintable() else " " for c in name)

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"

    def check_unchanged(self) -> None:
        """Raises when the file is no longer the one that we began to upload."""
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise SourceChanged(self.path)

    def blocks(self, offset: int, size: int) -> Iterator[bytes]:
        """The bytes of a part. Several threads read at once: pread has no position to fight over."""
        end = offset + size
        while offset < end:
            block = os.pread(self._descriptor, min(BLOCK, end - offset), offset)
            if not block:
                raise SourceChanged(self.path)
            offset += len(block)
            yield block

    def checksum(self, offset: int, size: int) -> str:
        """SHA-256 of a part in base64, as x-amz-checksum-sha256 wants it."""
        digest = hashlib.sha256()
        for block in self.blocks(offset, size):
            digest.update(block)
        return base64.b64encode(digest.digest()).decode()


class SourceChanged(CliError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} changed while it was being uploaded.", hint="Wait until it is written, then upload it again."
        )


def _refusal(path: Path, found: os.stat_result) -> str:
    if stat.S_ISDIR(found.st_mode):
        return f"{path} is a directory: name the video files in it."
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file."
    if found.st_size == 0:
        return f"{path} is empty."
    return ""
