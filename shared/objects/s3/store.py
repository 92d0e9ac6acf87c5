"""A node that is a bucket, or a prefix of one.

node.json                 who this node is, as in a directory
objects/<key>             the objects
uploads/<key>/<upload>    uploads in parts, see multipart.py

Every part and every whole object is sent with its SHA-256, which S3 verifies and keeps.
"""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.config import integer
from shared.objects.base import (
    CHUNK,
    ChecksumMismatch,
    Digest,
    Listed,
    NodeUnavailable,
    ObjectError,
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    check_key,
)
from shared.objects.s3.bucket import Bucket, object_name
from shared.objects.s3.client import code_of, credentials, encryption
from shared.objects.s3.headers import base64, object_headers
from shared.objects.s3.location import located
from shared.objects.s3.multipart import S3Multipart
from shared.objects.s3.signing import origin, presign

MAX_PARTS = 10_000  # of S3
MIN_PART = 8 * CHUNK


class S3Store(ObjectStore):
    """The node `id`, whose prefix was made by `create`. Raises ConfigError when the location or an option is wrong."""

    def __init__(self, node_id: str, location: str, options: Mapping[str, Any] | None = None) -> None:
        self.id = node_id
        self.location = located(location, options)
        self.origin = origin(self.location)
        self._bucket = Bucket(self.location)
        self._multipart = S3Multipart(self._bucket)

    @classmethod
    def create(cls, node_id: str, location: str, options: Mapping[str, Any] | None = None) -> "S3Store":
        """Makes the prefix a node, if it is not one already. Raises NodeUnavailable."""
        store = cls(node_id, location, options)
        if identity(location, options) is None:
            body = json.dumps({"id": node_id}).encode()
            store._bucket.send("put_object", "node.json", Body=body, ContentType="application/json", **encryption())
        if (found := identity(location, options)) != node_id:
            raise NodeUnavailable(f"{store.location} is the node {found}, not {node_id}")
        return store

    def put(
        self, key: str, chunks: Iterable[bytes], *, sha256: str | None = None, part_size: int | None = None
    ) -> ObjectInfo:
        name = object_name(key)
        digest = Digest(part_size)
        size = _piece_size()
        pieces = _pieces(chunks, digest, size)
        first = next(pieces)
        if len(first) < size:
            _compare(key, digest, sha256)
            found = hashlib.sha256(first)
            headers = object_headers(key) | {"Metadata": {"sha256": found.hexdigest()}}
            self._bucket.send("put_object", name, Body=first, ChecksumSHA256=base64(found.digest()), **headers)
        else:
            self._put_in_pieces(key, first, pieces, digest, sha256)
        return ObjectInfo(digest.size, digest.hexdigest(), part_size)

    def _put_in_pieces(self, key: str, first: bytes, rest: Iterator[bytes], digest: Digest, sha256: str | None) -> None:
        """Nothing can be seen of it before its end; what a crash leaves is among the started uploads."""
        name = object_name(key)
        upload = self._bucket.send("create_multipart_upload", name, ChecksumAlgorithm="SHA256", **object_headers(key))[
            "UploadId"
        ]
        try:
            parts: list[dict[str, Any]] = []
            piece: bytes | None = first
            while piece is not None:
                checksum = base64(hashlib.sha256(piece).digest())
                number = len(parts) + 1
                answer = self._bucket.send(
                    "upload_part", name, UploadId=upload, PartNumber=number, Body=piece, ChecksumSHA256=checksum
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
                piece = next(rest, None)
            _compare(key, digest, sha256)
            self._bucket.send("complete_multipart_upload", name, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(ObjectError):
                self._bucket.send("abort_multipart_upload", name, UploadId=upload)
            raise

    def copy_from(self, origin: ObjectStore, key: str, sha256: str, part_size: int | None) -> bool:
        """Between buckets of one server, for objects that came whole: of a copied part some servers repeat the checksum
        that they were once told, of a copied object they say the one of the bytes that they have just written."""
        if part_size is not None or not isinstance(origin, S3Store):
            return False
        if origin.location.server != self.location.server:
            return False
        source = {"Bucket": origin.location.bucket, "Key": origin.location.prefix + object_name(key)}
        try:
            answer = self._bucket.send(
                "copy_object", object_name(key), CopySource=source, ChecksumAlgorithm="SHA256", **encryption()
            )
        except ObjectError:  # it does not say which of the two nodes is at fault: sending the bytes will
            return False
        found = b64decode(answer["CopyObjectResult"].get("ChecksumSHA256", "")).hex()
        if found == sha256:
            return True
        self.delete(key)
        if found:
            raise ChecksumMismatch(f"{key}: the SHA-256 of the copy is {found}, not {sha256}")
        return False

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        name = object_name(key)
        if end is not None and end <= start:
            if self.size(key) is None:
                raise ObjectMissing(f"{key} is not on {self.id}")
            return iter(())
        wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        try:
            body = self._bucket.send("get_object", name, **wanted)["Body"]
        except NodeUnavailable as error:
            if code_of(error) == "InvalidRange":  # it begins after the end
                return iter(())
            raise
        except ObjectMissing:
            raise ObjectMissing(f"{key} is not on {self.id}") from None
        return self._bucket.read(body)

    def size(self, key: str) -> int | None:
        return self._bucket.size(key)

    def listing(self, prefix: str = "") -> Iterator[Listed]:
        for page in self._bucket.pages("list_objects_v2", f"objects/{prefix}"):
            for item in page.get("Contents", []):
                yield Listed(
                    self._bucket.below(item["Key"], "objects/"), int(item["Size"]), item["LastModified"].timestamp()
                )

    def delete(self, key: str) -> None:
        with suppress(ObjectMissing):
            self._bucket.send("delete_object", object_name(key))

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def free(self) -> int | None:
        return None

    def signed_url(self, key: str, expires_at: int, *, size: int | None = None) -> str:
        del size  # S3 keeps no replica that is cut short
        return presign(self.location, credentials(self.location.server), "GET", object_name(key), expires_at)

    @property
    def multipart(self) -> S3Multipart:
        return self._multipart

    def sweep(self, before: float) -> int:
        del before  # what a crash leaves is an upload, and those are listed
        return 0

    def check(self) -> None:
        self._bucket.check()


def identity(location: str, options: Mapping[str, Any] | None = None) -> str | None:
    """The id of the node that this prefix is, or None when it is none. Raises NodeUnavailable, ConfigError."""
    store = S3Store("", location, options)
    try:
        answer = store._bucket.send("get_object", "node.json")
    except ObjectMissing:
        return None
    try:
        return str(json.loads(b"".join(store._bucket.read(answer["Body"])))["id"])
    except (ValueError, KeyError, TypeError):
        raise NodeUnavailable(f"{store.location}/node.json is not one of ours") from None


def _pieces(chunks: Iterable[bytes], digest: Digest, size: int) -> Iterator[bytes]:
    """The bytes in pieces of `size`; the last one is shorter, and may be empty when it is the only one."""
    waiting = bytearray()
    sent = False
    for chunk in chunks:
        digest.update(chunk)
        waiting += chunk
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            sent = True
            del waiting[:size]
    if waiting or not sent:
        yield bytes(waiting)


def _piece_size() -> int:
    """The largest upload must fit into as many parts as S3 allows."""
    return max(MIN_PART, -(-integer("MAX_UPLOAD_BYTES") // MAX_PARTS))


def _compare(key: str, digest: Digest, expected: str | None) -> None:
    found = digest.hexdigest()
    if expected is not None and expected != found:
        raise ChecksumMismatch(f"{key}: the SHA-256 is {found}, not {expected}")
