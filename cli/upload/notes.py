"""Notes on uploads under way: which upload a file belongs to, so that a client started anew goes on with it.

A note is keyed by server, path, size and modification time: a file that changed since is another file.
Which parts have arrived is not noted here; the server knows it better.
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


class Note(msgspec.Struct):
    upload_id: str
    video_id: str


class Notes:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, server: str, source: SourceFile) -> Note | None:
        try:
            return msgspec.json.decode(self._file(server, source).read_bytes(), type=Note)
        except (OSError, msgspec.MsgspecError):
            return None  # a note that cannot be read costs an upload from the start, no more

    def keep(self, server: str, source: SourceFile, note: Note) -> None:
        self._sweep()
        write_private(self._file(server, source), msgspec.json.encode(note))

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
