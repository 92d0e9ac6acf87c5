"""Makes a bucket ready for Wadi: there, readable by browsers, and rid of uploads that were never completed.

Rules of others are kept: ours carry a name, and only those are replaced.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from shared.config import integer
from shared.ids import new_id
from shared.objects.base import NodeUnavailable, ObjectError, ObjectMissing
from shared.objects.s3.client import client, code_of, encryption, s3_errors
from shared.objects.s3.store import S3Store

# The last one: a server that does not know ?cors takes it for the making of the bucket.
NOT_IMPLEMENTED = {"NotImplemented", "MethodNotAllowed", "XNotImplemented", "BucketAlreadyOwnedByYou"}
EXPOSED = ["ETag", "Content-Length", "Content-Range", "Accept-Ranges", "x-amz-checksum-sha256"]
DAY_HOURS = 24


class Step(NamedTuple):
    """The result of one step: `done`, `kept` (it was so already), `missing` (the server cannot do it), `unusable`
    (it cannot, and Wadi cannot do without)."""

    location: str
    what: str  # bucket, checksums, cors, lifecycle or encryption
    outcome: str
    detail: str


def prepare(
    location: str, options: Mapping[str, Any] | None, origins: list[str], *, create: bool = True
) -> Iterator[Step]:
    """Does it, step by step; what is done already is done again without harm. Raises NodeUnavailable, ConfigError."""
    setup = _Setup(S3Store("", location, options), create)
    yield setup.bucket()
    yield setup.checksums()
    yield setup.cors(origins)
    yield setup.lifecycle()
    if wanted := encryption():
        yield setup.encryption(wanted)


class _Setup:
    def __init__(self, store: S3Store, create: bool) -> None:
        self._store, self._create = store, create
        self._where = store.location
        self._rule = f"wadi-{self._where.prefix.strip('/').replace('/', '-')}".rstrip("-")

    def bucket(self) -> Step:
        try:
            self._store.check()
        except NodeUnavailable as error:
            if not self._create or not isinstance(error.__context__, ObjectMissing):
                raise
        else:
            return self._step("bucket", "kept", "is there")
        region = self._where.server.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._call("create_bucket", **place)
        return self._step("bucket", "done", "made")

    def checksums(self) -> Step:
        """Whether the server remembers the SHA-256 of a part: without it no upload in parts could be completed."""
        key, body = f"probe-{new_id()}", b"probe"
        digest = sha256(body)
        upload = self._store.multipart.start(key, len(body), len(body))
        try:
            name = f"{self._where.prefix}objects/{key}"
            checksum = b64encode(digest.digest()).decode()
            self._call("upload_part", Key=name, UploadId=upload, PartNumber=1, Body=body, ChecksumSHA256=checksum)
            kept = [part.sha256 for part in self._store.multipart.parts(key, upload)] == [digest.hexdigest()]
        finally:
            self._store.multipart.forget(key, upload)
        if kept:
            return self._step("checksums", "kept", "the server keeps the SHA-256 of parts")
        return self._step("checksums", "unusable", "the server forgets the SHA-256 of parts: uploads will not complete")

    def cors(self, origins: list[str]) -> Step:
        """Everybody who has a signed URL may use it, so by default from every page."""
        rule = {
            "ID": self._rule,
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedOrigins": origins,
            "AllowedHeaders": ["*"],
            "ExposeHeaders": EXPOSED,
            "MaxAgeSeconds": 86400,
        }
        return self._rules(
            "cors",
            "get_bucket_cors",
            lambda rules: self._call("put_bucket_cors", CORSConfiguration={"CORSRules": rules}),
            rule,
            f"pages of {', '.join(origins)} may read and upload",
        )

    def lifecycle(self) -> Step:
        days = -(-integer("UPLOAD_EXPIRES_HOURS") // DAY_HOURS) + 1
        rule = {
            "ID": self._rule,
            "Status": "Enabled",
            "Filter": {"Prefix": self._where.prefix},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }
        return self._rules(
            "lifecycle",
            "get_bucket_lifecycle_configuration",
            lambda rules: self._call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": rules}),
            rule,
            f"unfinished uploads are removed after {days} days",
        )

    def encryption(self, wanted: dict[str, str]) -> Step:
        """Whether the server does as it is told: some take the header and store the bytes as they are."""
        kind, key = wanted["ServerSideEncryption"], f"probe-{new_id()}"
        self._store.put(key, [b"probe"])
        try:
            found = self._call("head_object", Key=f"{self._where.prefix}objects/{key}").get("ServerSideEncryption")
        finally:
            self._store.delete(key)
        if found == kind:
            return self._step("encryption", "done", f"objects are stored with {kind}")
        return self._step("encryption", "missing", f"the server takes S3_SSE={kind} and stores objects without it")

    def _rules(
        self, what: str, get: str, put: Callable[[list[dict[str, Any]]], Any], rule: dict[str, Any], detail: str
    ) -> Step:
        try:
            put([each for each in self._found(get) if each.get("ID") != self._rule] + [rule])
            kept = any(each.get("ID") == self._rule for each in self._found(get))  # some take anything, and forget it
        except NodeUnavailable as error:
            if code_of(error) not in NOT_IMPLEMENTED:
                raise
            kept = False
        if kept:
            return self._step(what, "done", detail)
        instead = "expire-uploads removes them alone" if what == "lifecycle" else "set it at the server, or its proxy"
        return self._step(what, "missing", f"the server does not implement it: {instead}")

    def _found(self, get: str) -> list[dict[str, Any]]:
        """The rules that are there; that there are none is an error to S3."""
        try:
            answer = self._call(get)
        except ObjectError as error:
            if code_of(error) in ("NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"):
                return []
            raise
        return list(answer.get("CORSRules") or answer.get("Rules") or [])

    def _call(self, operation: str, **parameters: Any) -> Any:
        with s3_errors(self._where):
            return getattr(client(self._where.server), operation)(Bucket=self._where.bucket, **parameters)

    def _step(self, what: str, outcome: str, detail: str) -> Step:
        return Step(str(self._where), what, outcome, detail)
