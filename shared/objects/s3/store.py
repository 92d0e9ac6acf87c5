"""A node that is a bucket, or a prefix of one.

node.json                 who this node is, as in a directory
objects/<key>             the objects
uploads/<key>/<upload>    an upload in parts: its sizes, and, once it is being completed, the checksums of its parts. It
                          is what makes an upload one of ours: S3 itself forgets it at completion, and a completion that
                          is asked for again must be answered the same.

Every part and every whole object is sent with its SHA-256, which S3 verifies and keeps.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from shared.config import integer
from shared.objects.base import (
    CHUNK,
    ChecksumMismatch,
    Digest,
    Listed,
    Multipart,
    NodeUnavailable,
    ObjectError,
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    PartBusy,
    PartInfo,
    PartsMissing,
    UploadGone,
    check_key,
    content_type,
    part_count,
    part_length,
)
from shared.objects.s3.client import client, code_of, credentials, encryption, s3_errors, status_of
from shared.objects.s3.location import declared, located
from shared.objects.s3.signing import origin, presign

__all__ = ["S3Store", "declared", "identity"]

MAX_PARTS = 10_000  # of S3
MIN_PART = 8 * CHUNK
# Servers answer 409 when two requests come across each other, as a PUT beside the DELETE that empties its folder.
CONFLICT_TRIES = 4
FOREVER = "private, max-age=31536000, immutable"  # objects never change


class S3Store(ObjectStore):
    """The node `id`, whose place was made by `create`. Raises ConfigError when the location or an option is wrong."""

    binds_checksums = True

    def __init__(self, node_id: str, location: str, options: Mapping[str, Any] | None = None) -> None:
        self.id = node_id
        self.location = located(location, options)
        self.origin = origin(self.location)

    @classmethod
    def create(cls, node_id: str, location: str, options: Mapping[str, Any] | None = None) -> "S3Store":
        """Makes the place a node, if it is not one already. Raises NodeUnavailable."""
        store = cls(node_id, location, options)
        if identity(location, options) is None:
            body = json.dumps({"id": node_id}).encode()
            store._send("put_object", "node.json", Body=body, ContentType="application/json", **encryption())
        if (found := identity(location, options)) != node_id:
            raise NodeUnavailable(f"{store.location} is the node {found}, not {node_id}")
        return store

    # --- objects

    def put(
        self, key: str, chunks: Iterable[bytes], *, sha256: str | None = None, part_size: int | None = None
    ) -> ObjectInfo:
        name = _object(key)
        digest = Digest(part_size)
        size = _piece_size()
        pieces = _pieces(chunks, digest, size)
        first = next(pieces)
        if len(first) < size:
            _compare(key, digest, sha256)
            found = hashlib.sha256(first)
            headers = _headers(key) | {"Metadata": {"sha256": found.hexdigest()}}
            self._send("put_object", name, Body=first, ChecksumSHA256=_base64(found.digest()), **headers)
        else:
            self._put_in_pieces(key, first, pieces, digest, sha256)
        return ObjectInfo(digest.size, digest.hexdigest(), part_size)

    def _put_in_pieces(self, key: str, first: bytes, rest: Iterator[bytes], digest: Digest, sha256: str | None) -> None:
        """Nothing can be seen of it before its end; what a kill leaves is among the multiparts."""
        name = _object(key)
        upload = self._send("create_multipart_upload", name, ChecksumAlgorithm="SHA256", **_headers(key))["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            piece: bytes | None = first
            while piece is not None:
                checksum = _base64(hashlib.sha256(piece).digest())
                number = len(parts) + 1
                answer = self._send(
                    "upload_part", name, UploadId=upload, PartNumber=number, Body=piece, ChecksumSHA256=checksum
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
                piece = next(rest, None)
            _compare(key, digest, sha256)
            self._send("complete_multipart_upload", name, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(ObjectError):
                self._send("abort_multipart_upload", name, UploadId=upload)
            raise

    def copy_from(self, origin: ObjectStore, key: str, sha256: str, part_size: int | None) -> bool:
        """Between buckets of one server, for objects that came whole: of a copied part some servers repeat the checksum
        that they were once told, of a copied object they say the one of the bytes that they have just written."""
        if part_size is not None or not isinstance(origin, S3Store):
            return False
        if origin.location.server != self.location.server:
            return False
        source = {"Bucket": origin.location.bucket, "Key": origin.location.prefix + _object(key)}
        try:
            answer = self._send(
                "copy_object", _object(key), CopySource=source, ChecksumAlgorithm="SHA256", **encryption()
            )
        except ObjectError:  # it does not say which of the two places is at fault: sending the bytes will
            return False
        found = b64decode(answer["CopyObjectResult"].get("ChecksumSHA256", "")).hex()
        if found == sha256:
            return True
        self.delete(key)
        if found:
            raise ChecksumMismatch(f"{key}: the SHA-256 of the copy is {found}, not {sha256}")
        return False

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        name = _object(key)
        if end is not None and end <= start:
            if self.size(key) is None:
                raise ObjectMissing(f"{key} is not on {self.id}")
            return iter(())
        wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        try:
            body = self._send("get_object", name, **wanted)["Body"]
        except NodeUnavailable as error:
            if code_of(error) == "InvalidRange":  # it begins after the end
                return iter(())
            raise
        except ObjectMissing:
            raise ObjectMissing(f"{key} is not on {self.id}") from None
        return self._read(body)

    def _read(self, body: Any) -> Iterator[bytes]:
        try:
            while True:
                with s3_errors(self.location):
                    data = body.read(CHUNK)
                if not data:
                    return
                yield data
        finally:
            body.close()

    def size(self, key: str) -> int | None:
        try:
            return int(self._send("head_object", _object(key))["ContentLength"])
        except ObjectMissing:  # a HEAD has no body to say of what there is none: of the key, or of the bucket
            self.check()
            return None

    def listing(self, prefix: str = "") -> Iterator[Listed]:
        for page in self._pages("list_objects_v2", f"objects/{prefix}"):
            for item in page.get("Contents", []):
                yield Listed(self._below(item["Key"], "objects/"), int(item["Size"]), item["LastModified"].timestamp())

    def delete(self, key: str) -> None:
        with suppress(ObjectMissing):
            self._send("delete_object", _object(key))

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def free(self) -> int | None:
        return None

    def signed_url(self, key: str, expires_at: int, *, size: int | None = None) -> str:
        del size  # S3 keeps no replica that is cut short
        return presign(self.location, credentials(self.location.server), "GET", _object(key), expires_at)

    # --- uploads in parts

    def start_multipart(self, key: str, size: int, part_size: int) -> str:
        name = _object(key)
        answer = self._send("create_multipart_upload", name, ChecksumAlgorithm="SHA256", **_headers(key))
        upload = str(answer["UploadId"])
        try:
            self._note(key, upload, _Note(size, part_size, None))
        except BaseException:
            with suppress(ObjectError):
                self._send("abort_multipart_upload", name, UploadId=upload)
            raise
        return upload

    def signed_part_url(self, key: str, upload: str, part: int, expires_at: int, *, sha256: str | None = None) -> str:
        headers = {} if sha256 is None else {"x-amz-checksum-sha256": _base64(bytes.fromhex(sha256))}
        fields = {"partNumber": str(part), "uploadId": upload}
        held = credentials(self.location.server)
        return presign(self.location, held, "PUT", _object(key), expires_at, fields, headers)

    def parts(self, key: str, upload: str) -> list[PartInfo]:
        note = self._noted(key, upload)
        try:
            return [part.info for part in self._arrived(key, upload, note)]
        except UploadGone:
            if note.sha256s is None:
                raise
        return [PartInfo(n, note.length(n), sha256) for n, sha256 in enumerate(note.sha256s, 1)]

    def complete_multipart(self, key: str, upload: str) -> ObjectInfo:
        note = self._noted(key, upload)
        try:
            arrived = self._arrived(key, upload, note)
        except UploadGone:
            return self._completed(key, note)
        missing = sorted(set(range(1, note.last + 1)) - {part.info.number for part in arrived})
        if missing:
            raise PartsMissing(missing)
        note = note._replace(sha256s=[part.info.sha256 for part in arrived])
        self._note(key, upload, note)
        parts = [
            {"PartNumber": part.info.number, "ETag": part.etag, "ChecksumSHA256": part.checksum} for part in arrived
        ]
        try:
            self._send("complete_multipart_upload", _object(key), UploadId=upload, MultipartUpload={"Parts": parts})
        except UploadGone:  # the answer to a first try was lost
            return self._completed(key, note)
        except NodeUnavailable as error:
            if code_of(error) == "InvalidPart":
                raise PartBusy("a part of this upload is being written") from error
            raise
        return note.info()

    def _completed(self, key: str, note: "_Note") -> ObjectInfo:
        if note.sha256s is None or self.size(key) != note.size:
            raise UploadGone(f"the upload of {key} is gone")
        return note.info()

    def forget_multipart(self, key: str, upload: str) -> None:
        self._send("delete_object", _note_name(key, upload))  # first: without it there is no upload
        with suppress(UploadGone):
            self._send("abort_multipart_upload", _object(key), UploadId=upload)

    def multiparts(self) -> list[Multipart]:
        found: dict[str, Multipart] = {}
        for page in self._pages("list_objects_v2", "uploads/"):
            for item in page.get("Contents", []):
                key, _, upload = self._below(item["Key"], "uploads/").rpartition("/")
                found[unquote(upload)] = Multipart(unquote(upload), key, item["LastModified"].timestamp())
        for page in self._pages("list_multipart_uploads", "objects/"):
            for item in page.get("Uploads", []):
                key, started = self._below(item["Key"], "objects/"), item["Initiated"].timestamp()
                found.setdefault(item["UploadId"], Multipart(item["UploadId"], key, started))
        return list(found.values())

    def sweep(self, before: float) -> int:
        del before  # what a crash leaves is an upload, and those are listed
        return 0

    def check(self) -> None:
        """Raises NodeUnavailable unless the bucket is there and lets us in."""
        try:
            with s3_errors(self.location):
                client(self.location.server).head_bucket(Bucket=self.location.bucket)
        except ObjectMissing:
            raise NodeUnavailable(
                f"{self.location} at {self.location.server.url}: there is no such bucket;"
                " make it with: wadi storage init"
            ) from None

    def _arrived(self, key: str, upload: str, note: "_Note") -> "list[_Part]":
        """The parts that are durable, of the length that their place asks for. Raises UploadGone."""
        found = []
        for page in self._pages("list_parts", _object(key), UploadId=upload):
            for item in page.get("Parts", []):
                number, checksum = int(item["PartNumber"]), item.get("ChecksumSHA256", "")
                if checksum and number <= note.last and item["Size"] == note.length(number):
                    info = PartInfo(number, item["Size"], b64decode(checksum).hex())
                    found.append(_Part(info, item["ETag"], checksum))
        return found

    def _note(self, key: str, upload: str, note: "_Note") -> None:
        body = json.dumps(note._asdict()).encode()
        self._send("put_object", _note_name(key, upload), Body=body, ContentType="application/json", **encryption())

    def _noted(self, key: str, upload: str) -> "_Note":
        try:
            answer = self._send("get_object", _note_name(key, upload))
        except ObjectMissing:
            raise UploadGone(f"there is no upload {upload} of {key}") from None
        return _Note(**json.loads(b"".join(self._read(answer["Body"]))))

    # --- requests

    def _send(self, operation: str, name: str, **parameters: Any) -> Any:
        """One request on one key of the bucket. Raises ObjectErrors."""
        call = getattr(client(self.location.server), operation)
        for left in reversed(range(CONFLICT_TRIES)):
            try:
                with s3_errors(self.location):
                    return call(Bucket=self.location.bucket, Key=self.location.prefix + name, **parameters)
            except NodeUnavailable as error:
                if not left or status_of(error) != 409:
                    raise
        raise AssertionError("not reached")

    def _pages(self, operation: str, name: str, **parameters: Any) -> Iterator[Any]:
        place = "Key" if operation == "list_parts" else "Prefix"
        pages = client(self.location.server).get_paginator(operation)
        with s3_errors(self.location):
            yield from pages.paginate(
                **{"Bucket": self.location.bucket, place: self.location.prefix + name, **parameters}
            )

    def _below(self, name: str, folder: str) -> str:
        return name.removeprefix(self.location.prefix + folder)


class _Note(NamedTuple):
    """uploads/<key>/<upload>"""

    size: int
    part_size: int
    sha256s: list[str] | None  # of the parts, once the upload is being completed

    @property
    def last(self) -> int:
        """The number of the last part."""
        return part_count(self.size, self.part_size)

    def length(self, part: int) -> int:
        return part_length(self.size, self.part_size, part)

    def info(self) -> ObjectInfo:
        digest = hashlib.sha256(b"".join(bytes.fromhex(sha256) for sha256 in self.sha256s or []))
        return ObjectInfo(self.size, digest.hexdigest(), self.part_size)


class _Part(NamedTuple):
    info: PartInfo
    etag: str
    checksum: str  # as S3 writes it


def identity(location: str, options: Mapping[str, Any] | None = None) -> str | None:
    """The id of the node that this place is, or None when it is none. Raises NodeUnavailable, ConfigError."""
    store = S3Store("", location, options)
    try:
        answer = store._send("get_object", "node.json")
    except ObjectMissing:
        return None
    try:
        return str(json.loads(b"".join(store._read(answer["Body"])))["id"])
    except (ValueError, KeyError, TypeError):
        raise NodeUnavailable(f"{store.location}/node.json is not one of ours") from None


def _pieces(chunks: Iterable[bytes], digest: Digest, size: int) -> Iterator[bytes]:
    """The bytes in pieces of `size`; the last one is shorter, and may be empty when it is the only one."""
    held = bytearray()
    sent = False
    for chunk in chunks:
        digest.update(chunk)
        held += chunk
        while len(held) >= size:
            yield bytes(held[:size])
            sent = True
            del held[:size]
    if held or not sent:
        yield bytes(held)


def _piece_size() -> int:
    """The largest upload must fit into as many parts as S3 allows."""
    return max(MIN_PART, -(-integer("MAX_UPLOAD_BYTES", minimum=1) // MAX_PARTS))


def _compare(key: str, digest: Digest, expected: str | None) -> None:
    found = digest.hexdigest()
    if expected is not None and expected != found:
        raise ChecksumMismatch(f"{key}: the SHA-256 is {found}, not {expected}")


def _headers(key: str) -> dict[str, Any]:
    return {"ContentType": content_type(key), "CacheControl": FOREVER, **encryption()}


def _object(key: str) -> str:
    return f"objects/{check_key(key)}"


def _note_name(key: str, upload: str) -> str:
    return f"uploads/{check_key(key)}/{quote(upload, safe='')}"


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode()
