"""The ports: what any node that stores objects can do (ObjectStore), and how uploads in parts come to it
(MultipartUploads).

ObjectError
├── InvalidKey        the key is not a plain relative path
├── ObjectMissing     there is no object under this key
├── ChecksumMismatch  the bytes have another checksum than was given; nothing was stored
├── NodeUnavailable   the node cannot be reached or refuses to work
├── NodeFull          the node has no room left
├── UploadGone        the multipart upload was completed, aborted, or never was
├── PartsMissing      the upload cannot be completed yet: `.numbers`
├── PartSizeWrong     a part has another length than its number in the file asks for
└── PartBusy          the part, or the upload, is being written by another process
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

CHUNK = 1024 * 1024

CONTENT_TYPES = {".m4s": "video/iso.segment", ".mp4": "video/mp4", ".jpg": "image/jpeg", ".vtt": "text/vtt"}

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class ObjectError(Exception):
    """Why an object could not be stored or read."""


class InvalidKey(ObjectError):
    pass


class ObjectMissing(ObjectError):
    pass


class ChecksumMismatch(ObjectError):
    pass


class NodeUnavailable(ObjectError):
    pass


class NodeFull(ObjectError):
    pass


class UploadGone(ObjectError):
    pass


class PartsMissing(ObjectError):
    def __init__(self, numbers: list[int]) -> None:
        super().__init__(f"{len(numbers)} parts are missing")
        self.numbers = numbers


class PartSizeWrong(ObjectError):
    pass


class PartBusy(ObjectError):
    pass


class ObjectInfo(NamedTuple):
    """A stored object.

    `sha256` is the hex SHA-256 of its bytes; of an object that came in parts (`part_size` is set) it is the SHA-256
    of the SHA-256s of its parts, in order. That is what S3 answers too, and it needs no second reading of 100 GB.
    """

    size: int
    sha256: str
    part_size: int | None = None


class PartInfo(NamedTuple):
    """A part that is durable."""

    number: int
    size: int
    sha256: str


class Multipart(NamedTuple):
    """A multipart upload that was started."""

    id: str
    key: str
    started: float  # seconds since the epoch


class Listed(NamedTuple):
    """An object as a listing of its node shows it."""

    key: str
    size: int
    stored: float  # seconds since the epoch by the node's clock; another one once the key is written again


class MultipartUploads(ABC):
    """Uploads in parts to one node. Every method may raise NodeUnavailable and InvalidKey.

    Clients send the parts to signed URLs, in any order and several at once; parts have the same size but for the last
    one, and are numbered from 1. `upload` is the id that `start` returned for the same key.
    """

    # Whether a part can be sent only to a URL that was signed for the checksum of its bytes: S3 takes no x-amz- header
    # that is not part of the signature.
    binds_checksums: bool = False

    @abstractmethod
    def start(self, key: str, size: int, part_size: int) -> str:
        """Begins an upload of `size` bytes in parts of `part_size`; its id. Raises NodeFull."""

    @abstractmethod
    def signed_part_url(self, key: str, upload: str, part: int, expires_at: int, *, sha256: str | None = None) -> str:
        """A URL that a client may PUT part number `part` to, until `expires_at` (seconds since the epoch).

        `sha256` (hex) is that of the bytes: the client sends it, in base64, as x-amz-checksum-sha256, and other bytes
        are refused. Where checksums are bound to URLs, none works without it.
        """

    @abstractmethod
    def parts(self, key: str, upload: str) -> list[PartInfo]:
        """The parts that are durable, by number. Raises UploadGone."""

    @abstractmethod
    def complete(self, key: str, upload: str) -> ObjectInfo:
        """Makes the object out of all parts. Called again, it returns the same, until `forget`.

        Raises UploadGone, PartsMissing, PartBusy (a part is being written right now).
        """

    @abstractmethod
    def forget(self, key: str, upload: str) -> None:
        """Deletes the upload and its parts, if it is there; a completed object stays."""

    @abstractmethod
    def started(self) -> list[Multipart]:
        """Every upload that was started and not forgotten."""


class ObjectStore(ABC):
    """One node: a directory, a bucket, or a prefix of one. Every method may raise NodeUnavailable and InvalidKey.

    Objects never change: a key is written once, or again with the same bytes.
    """

    id: str
    # Scheme and host of signed URLs; empty where they are relative to the gateway.
    origin: str = ""

    @property
    @abstractmethod
    def multipart(self) -> MultipartUploads:
        """Uploads in parts to this node."""

    @abstractmethod
    def check(self) -> None:
        """Raises NodeUnavailable unless the node answers and is the one that it should be."""

    @abstractmethod
    def put(
        self, key: str, chunks: Iterable[bytes], *, sha256: str | None = None, part_size: int | None = None
    ) -> ObjectInfo:
        """Stores the bytes; they are durable when this returns, and invisible before.

        With `sha256` (and `part_size`, see ObjectInfo) bytes that do not match are not stored.
        Raises ChecksumMismatch, NodeFull, and whatever `chunks` raises.
        """

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Stores a copy of a file. Raises as put does."""
        with path.open("rb") as file:
            return self.put(key, iter(lambda: file.read(CHUNK), b""))

    def copy_from(self, origin: "ObjectStore", key: str, sha256: str, part_size: int | None) -> bool:
        """Has the server copy an object from another node without the bytes passing through here.

        False where it cannot: the caller sends the bytes. Raises ChecksumMismatch (nothing is kept), ObjectMissing.
        """
        return False

    @abstractmethod
    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`. Raises ObjectMissing at once, not at the first read."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """The object's size, or None when it is not here."""

    @abstractmethod
    def listing(self, prefix: str = "") -> Iterator[Listed]:
        """Every object whose key begins with `prefix`, in no order; what comes or goes meanwhile may be left out."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Removes the object; that it is not here is no error."""

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """The object as a file of this machine, or None when it is not here or is no file."""

    @abstractmethod
    def free(self) -> int | None:
        """Bytes that can still be stored, or None where there is no such limit."""

    @abstractmethod
    def signed_url(self, key: str, expires_at: int, *, size: int | None = None) -> str:
        """A URL that reads the object until `expires_at` (seconds since the epoch) without further permission.

        `size`, where known, lets the server see that a replica is cut short, and read another one.
        """

    @abstractmethod
    def sweep(self, before: float) -> int:
        """Deletes what crashes left behind before that time (seconds since the epoch); how many files."""


def check_key(key: str) -> str:
    """The key itself, when it is a plain relative path of URL-safe names. Raises InvalidKey."""
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise InvalidKey(f"{key[:100]!r} is not a key")
    return key


def content_type(key: str) -> str:
    return CONTENT_TYPES.get(Path(key).suffix, "application/octet-stream")


def part_count(size: int, part_size: int) -> int:
    return -(-size // part_size)


def part_length(size: int, part_size: int, part: int) -> int:
    """The length of part number `part`; all but the last are of `part_size`."""
    return min(part_size, size - (part - 1) * part_size)


class Digest:
    """The SHA-256 of an object as it passes, plain or by parts (see ObjectInfo)."""

    def __init__(self, part_size: int | None = None) -> None:
        self._part_size = part_size
        self._whole = hashlib.sha256()
        self._part = hashlib.sha256()
        self._left = part_size or 0
        self.size = 0

    def update(self, data: bytes) -> None:
        self.size += len(data)
        if self._part_size is None:
            self._whole.update(data)
            return
        view = memoryview(data)
        while view:
            taken = view[: self._left]
            self._part.update(taken)
            self._left -= len(taken)
            view = view[len(taken) :]
            if not self._left:
                self._end_part(self._part_size)

    def hexdigest(self) -> str:
        if self._part_size is not None and self._left < self._part_size:
            self._end_part(self._part_size)
        return self._whole.hexdigest()

    def _end_part(self, part_size: int) -> None:
        self._whole.update(self._part.digest())
        self._part = hashlib.sha256()
        self._left = part_size
