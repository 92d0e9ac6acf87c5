"""Uploads in parts to a bucket.

uploads/<key>/<upload>    a note of ours: the sizes of an upload, and, once it is being completed, the checksums of its
                          parts. An upload without a note is none: S3 itself forgets an upload at its completion, and a
                          completion that is asked for again must be answered the same.
"""

import hashlib
import json
from base64 import b64decode
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, unquote

from shared.objects.base import (
    Multipart,
    MultipartUploads,
    NodeUnavailable,
    ObjectError,
    ObjectInfo,
    ObjectMissing,
    PartBusy,
    PartInfo,
    PartsMissing,
    UploadGone,
    check_key,
    part_count,
    part_length,
)
from shared.objects.s3.bucket import Bucket, object_name
from shared.objects.s3.client import code_of, credentials, encryption
from shared.objects.s3.headers import base64, object_headers
from shared.objects.s3.signing import presign


class S3Multipart(MultipartUploads):
    """S3's own multipart uploads, each with a note of ours beside it."""

    binds_checksums = True

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def start(self, key: str, size: int, part_size: int) -> str:
        name = object_name(key)
        answer = self._bucket.send("create_multipart_upload", name, ChecksumAlgorithm="SHA256", **object_headers(key))
        upload = str(answer["UploadId"])
        try:
            self._write_note(key, upload, _Note(size, part_size, None))
        except BaseException:
            with suppress(ObjectError):
                self._bucket.send("abort_multipart_upload", name, UploadId=upload)
            raise
        return upload

    def signed_part_url(self, key: str, upload: str, part: int, expires_at: int, *, sha256: str | None = None) -> str:
        headers = {} if sha256 is None else {"x-amz-checksum-sha256": base64(bytes.fromhex(sha256))}
        fields = {"partNumber": str(part), "uploadId": upload}
        signer = credentials(self._bucket.location.server)
        return presign(self._bucket.location, signer, "PUT", object_name(key), expires_at, fields, headers)

    def parts(self, key: str, upload: str) -> list[PartInfo]:
        note = self._read_note(key, upload)
        try:
            return [part.info for part in self._arrived(key, upload, note)]
        except UploadGone:
            if note.sha256s is None:
                raise
        return [PartInfo(n, note.length(n), sha256) for n, sha256 in enumerate(note.sha256s, 1)]

    def complete(self, key: str, upload: str) -> ObjectInfo:
        note = self._read_note(key, upload)
        try:
            arrived = self._arrived(key, upload, note)
        except UploadGone:
            return self._completed(key, note)
        missing = sorted(set(range(1, note.last + 1)) - {part.info.number for part in arrived})
        if missing:
            raise PartsMissing(missing)
        note = note._replace(sha256s=[part.info.sha256 for part in arrived])
        self._write_note(key, upload, note)
        parts = [
            {"PartNumber": part.info.number, "ETag": part.etag, "ChecksumSHA256": part.checksum} for part in arrived
        ]
        try:
            self._bucket.send(
                "complete_multipart_upload", object_name(key), UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except UploadGone:  # the answer to a first try was lost
            return self._completed(key, note)
        except NodeUnavailable as error:
            if code_of(error) == "InvalidPart":
                raise PartBusy("a part of this upload is being written") from error
            raise
        return note.info()

    def _completed(self, key: str, note: "_Note") -> ObjectInfo:
        if note.sha256s is None or self._bucket.size(key) != note.size:
            raise UploadGone(f"the upload of {key} is gone")
        return note.info()

    def forget(self, key: str, upload: str) -> None:
        self._bucket.send("delete_object", _note_name(key, upload))  # first: without it there is no upload
        with suppress(UploadGone):
            self._bucket.send("abort_multipart_upload", object_name(key), UploadId=upload)

    def started(self) -> list[Multipart]:
        found: dict[str, Multipart] = {}
        for page in self._bucket.pages("list_objects_v2", "uploads/"):
            for item in page.get("Contents", []):
                key, _, upload = self._bucket.below(item["Key"], "uploads/").rpartition("/")
                found[unquote(upload)] = Multipart(unquote(upload), key, item["LastModified"].timestamp())
        for page in self._bucket.pages("list_multipart_uploads", "objects/"):
            for item in page.get("Uploads", []):
                key, started = self._bucket.below(item["Key"], "objects/"), item["Initiated"].timestamp()
                found.setdefault(item["UploadId"], Multipart(item["UploadId"], key, started))
        return list(found.values())

    def _arrived(self, key: str, upload: str, note: "_Note") -> "list[_Part]":
        """The parts that are durable, of the length that their place asks for. Raises UploadGone."""
        found = []
        for page in self._bucket.pages("list_parts", object_name(key), UploadId=upload):
            for item in page.get("Parts", []):
                number, checksum = int(item["PartNumber"]), item.get("ChecksumSHA256", "")
                if checksum and number <= note.last and item["Size"] == note.length(number):
                    info = PartInfo(number, item["Size"], b64decode(checksum).hex())
                    found.append(_Part(info, item["ETag"], checksum))
        return found

    def _write_note(self, key: str, upload: str, note: "_Note") -> None:
        body = json.dumps(note._asdict()).encode()
        self._bucket.send(
            "put_object", _note_name(key, upload), Body=body, ContentType="application/json", **encryption()
        )

    def _read_note(self, key: str, upload: str) -> "_Note":
        try:
            answer = self._bucket.send("get_object", _note_name(key, upload))
        except ObjectMissing:
            raise UploadGone(f"there is no upload {upload} of {key}") from None
        return _Note(**json.loads(b"".join(self._bucket.read(answer["Body"]))))


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


def _note_name(key: str, upload: str) -> str:
    return f"uploads/{check_key(key)}/{quote(upload, safe='')}"
