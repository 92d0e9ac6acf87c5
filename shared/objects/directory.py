"""A node that is a directory.

node.json        who this node is. A directory without it (a disk that is not mounted) is not written to.
objects/<key>    the objects
uploads/<id>/    uploads in parts, see part_files.py
tmp/             files on their way to objects/
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from shared.ids import new_id
from shared.objects import part_files, signing
from shared.objects.base import (
    CHUNK,
    ChecksumMismatch,
    Digest,
    Listed,
    Multipart,
    MultipartUploads,
    NodeUnavailable,
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    PartInfo,
    UploadGone,
    check_key,
)
from shared.objects.durable import make_folder, move_into_place, node_errors, remove_empty, sync_folder, write_file


class DirectoryStore(ObjectStore):
    """The node `id`, whose directory was made by `create`."""

    def __init__(self, node_id: str, root: Path) -> None:
        self.id = node_id
        self.root = root
        self._multipart = DirectoryMultipart(self)

    @classmethod
    def create(cls, node_id: str, root: Path) -> "DirectoryStore":
        """Makes the directory a node, if it is not one already. Raises NodeUnavailable, NodeFull."""
        with node_errors(root):
            for name in ("objects", "uploads", "tmp"):
                make_folder(root / name)
            if identity(root) is None:
                write_file(root / "node.json", json.dumps({"id": node_id}))
        store = cls(node_id, root)
        store.check()
        return store

    def put(
        self, key: str, chunks: Iterable[bytes], *, sha256: str | None = None, part_size: int | None = None
    ) -> ObjectInfo:
        path = self.path(key)
        self.check()
        draft = self.root / "tmp" / new_id()
        digest = Digest(part_size)
        try:
            with node_errors(self.root):
                file = draft.open("wb", buffering=0)
            with file:
                for chunk in chunks:  # its errors are the caller's, not the node's
                    digest.update(chunk)
                    with node_errors(self.root):
                        _write_all(file.fileno(), chunk)
                with node_errors(self.root):
                    os.fsync(file.fileno())
            found = digest.hexdigest()
            if sha256 is not None and sha256 != found:
                raise ChecksumMismatch(f"{key}: the SHA-256 is {found}, not {sha256}")
            with node_errors(self.root):
                move_into_place(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        return ObjectInfo(digest.size, found, part_size)

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        path = self.path(key)
        self.check()
        with node_errors(self.root):
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                raise ObjectMissing(f"{key} is not on {self.id}") from None
        return self._read(fd, start, end)

    def _read(self, fd: int, start: int, end: int | None) -> Iterator[bytes]:
        with os.fdopen(fd, "rb", buffering=0) as file:
            while end is None or start < end:
                with node_errors(self.root):
                    data = os.pread(file.fileno(), CHUNK if end is None else min(CHUNK, end - start), start)
                if not data:
                    return
                start += len(data)
                yield data

    def size(self, key: str) -> int | None:
        path = self.path(key)
        self.check()
        with node_errors(self.root):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

    def listing(self, prefix: str = "") -> Iterator[Listed]:
        self.check()
        top = self.root / "objects"
        with node_errors(self.root):
            for folder, _, names in os.walk(top / prefix.rpartition("/")[0], onerror=_raise_unless_gone):
                for name in names:
                    path = Path(folder, name)
                    key = path.relative_to(top).as_posix()
                    if key.startswith(prefix):
                        with suppress(FileNotFoundError):
                            found = path.stat()
                            yield Listed(key, found.st_size, found.st_mtime)

    def delete(self, key: str) -> None:
        path = self.path(key)
        self.check()
        with node_errors(self.root):
            try:
                path.unlink()
            except FileNotFoundError:
                return
            with suppress(FileNotFoundError):  # the folder was removed as empty meanwhile
                sync_folder(path.parent)
        remove_empty(path.parent, self.root / "objects")

    def local_path(self, key: str) -> Path | None:
        path = self.path(key)
        self.check()
        return path if path.is_file() else None

    def free(self) -> int | None:
        self.check()
        with node_errors(self.root):
            return shutil.disk_usage(self.root).free

    def signed_url(self, key: str, expires_at: int, *, size: int | None = None) -> str:
        fields = {} if size is None else {"size": size}
        return signing.sign("GET", f"/objects/{self.id}/{check_key(key)}", expires_at, fields)

    @property
    def multipart(self) -> "DirectoryMultipart":
        return self._multipart

    def sweep(self, before: float) -> int:
        self.check()
        removed = 0
        with node_errors(self.root):
            for draft in (self.root / "tmp").iterdir():
                with suppress(FileNotFoundError):
                    if draft.stat().st_mtime < before:
                        draft.unlink()
                        removed += 1
            for folder in (self.root / "uploads").iterdir():
                with suppress(FileNotFoundError):
                    if not (folder / "upload.json").exists() and folder.stat().st_mtime < before:
                        part_files.forget(folder)
                        removed += 1
        return removed

    def check(self) -> None:
        """Raises NodeUnavailable unless the directory is this node. One that lost its disk must not be filled."""
        found = identity(self.root)
        if found is None:
            raise NodeUnavailable(f"{self.root} is not there, or is no node: is its disk mounted?")
        if found != self.id:
            raise NodeUnavailable(f"{self.root} is the node {found}, not {self.id}")

    def path(self, key: str) -> Path:
        """Where the object is, or would be. Raises InvalidKey."""
        return self.root / "objects" / check_key(key)


class DirectoryMultipart(MultipartUploads):
    """Uploads in parts to a directory; the files of each are in a folder of its own, see part_files.py."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store

    def start(self, key: str, size: int, part_size: int) -> str:
        check_key(key)
        self._store.check()
        upload = new_id()
        with node_errors(self._store.root):
            part_files.start(self._folder(upload), part_files.Manifest(key, size, part_size))
        return upload

    def signed_part_url(self, key: str, upload: str, part: int, expires_at: int, *, sha256: str | None = None) -> str:
        del sha256  # the server of these URLs takes the checksum from the header, signed or not
        path = f"/objects/{self._store.id}/{check_key(key)}"
        return signing.sign("PUT", path, expires_at, {"upload": upload, "part": part})

    def part_writer(self, key: str, upload: str, part: int) -> part_files.PartWriter:
        """What the server of signed_part_url writes with. Raises UploadGone, PartBusy."""
        check_key(key)
        self._store.check()
        return part_files.PartWriter(self._store.root, self._folder(upload), key, part)

    def parts(self, key: str, upload: str) -> list[PartInfo]:
        self._store.check()
        with node_errors(self._store.root):
            return part_files.received(self._folder(upload), self._manifest(key, upload))

    def complete(self, key: str, upload: str) -> ObjectInfo:
        self._store.check()
        with node_errors(self._store.root):
            return part_files.complete(self._folder(upload), self._manifest(key, upload), self._store.path(key))

    def forget(self, key: str, upload: str) -> None:
        self._store.check()
        with node_errors(self._store.root):
            part_files.forget(self._folder(upload))

    def started(self) -> list[Multipart]:
        self._store.check()
        found = []
        with node_errors(self._store.root):
            for folder in (self._store.root / "uploads").iterdir():
                with suppress(UploadGone, FileNotFoundError):
                    manifest = part_files.read_manifest(folder)
                    found.append(Multipart(folder.name, manifest.key, (folder / "upload.json").stat().st_mtime))
        return found

    def _folder(self, upload: str) -> Path:
        if "/" in check_key(upload):
            raise UploadGone(f"there is no upload {upload}")
        return self._store.root / "uploads" / upload

    def _manifest(self, key: str, upload: str) -> part_files.Manifest:
        manifest = part_files.read_manifest(self._folder(upload))
        if manifest.key != key:
            raise UploadGone(f"upload {upload} is not one of {key}")
        return manifest


def identity(root: Path) -> str | None:
    """The id of the node that this directory is, or None when it is none. Raises NodeUnavailable."""
    with node_errors(root):
        try:
            return str(json.loads((root / "node.json").read_text())["id"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError):
            raise NodeUnavailable(f"{root}/node.json is not one of ours") from None


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a folder that was removed as empty meanwhile
        raise error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
