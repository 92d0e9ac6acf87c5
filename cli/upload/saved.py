"""Uploads in progress, saved on disk, so that a new client can resume them.

An entry is keyed by server, path, size and modification time: a file that changed since is another file.
Which parts have arrived is not saved here, since the server knows.
"""

import contextlib
import hashlib
import os
import time
from pathlib import Path

import msgspec

from cli.credentials import write_private
from cli.upload.source import SourceFile

# The server has long forgotten an upload of this age.
KEPT_SECONDS = 7 * 24 * 3600


class SavedUpload(msgspec.Struct):
    upload_id: str
    video_id: str


class SavedUploads:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, server: str, source: SourceFile) -> SavedUpload | None:
        try:
            return msgspec.json.decode(self._file(server, source).read_bytes(), type=SavedUpload)
        except (OSError, msgspec.MsgspecError):
            return None  # then the upload begins again

    def keep(self, server: str, source: SourceFile, upload: SavedUpload) -> None:
        self._sweep()
        write_private(self._file(server, source), msgspec.json.encode(upload))

    def forget(self, server: str, source: SourceFile) -> None:
        self._file(server, source).unlink(missing_ok=True)

    def _file(self, server: str, source: SourceFile) -> Path:
        key = f"{server}\n{source.size}\n{source.mtime_ns}\n".encode() + os.fsencode(source.path.resolve())
        return self._directory / f"{hashlib.sha256(key).hexdigest()[:32]}.json"

    def _sweep(self) -> None:
        for file in self._directory.glob("*.json"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < time.time() - KEPT_SECONDS:
                    file.unlink()
