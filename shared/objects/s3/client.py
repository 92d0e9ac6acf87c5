"""boto3's clients, and what S3 refuses in the words of the port.

boto3 takes 400 ms to be imported: only a process that sends a request of its own pays for it. To sign URLs with the
credentials of the environment needs none.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from shared.config import integer, setting
from shared.objects.base import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectError, ObjectMissing, UploadGone
from shared.objects.s3.location import Location, Server
from shared.objects.s3.signing import Credentials

CONNECT_SECONDS = 3
TRIES = 2  # another node is asked after that

_FULL = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507"}
_REFUSED = {
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "AccountProblem",
    "AllAccessDisabled",
    "403",
}
_WRONG_BYTES = {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}

_making = threading.Lock()


def client(server: Server) -> Any:
    """The one client of this process for a server and the credentials that are set."""
    with _making:  # two threads must not make it twice: it takes a quarter of a second
        return _client(server, _from_environment(), integer("S3_TIMEOUT_SECONDS"))


def credentials(server: Server) -> Credentials:
    """What URLs are signed with. Raises NodeUnavailable when there are none."""
    if not server.profile and (found := _from_environment()):
        return found
    with _making:
        session = _session(server.profile)
        with _session_errors(server):
            held = session.get_credentials()
        if held is None:
            raise NodeUnavailable(f"{server.url}: there are no credentials: set AWS_ACCESS_KEY_ID")
        frozen = held.get_frozen_credentials()  # renewed by boto3 before a role's expire
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")


def encryption() -> dict[str, str]:
    """The parameters of a request that stores an object: S3_SSE. Raises ConfigError."""
    kind, key = setting("S3_SSE"), setting("S3_KMS_KEY_ID")
    if kind == "none":
        return {}
    return {"ServerSideEncryption": kind} | ({"SSEKMSKeyId": key} if kind == "aws:kms" and key else {})


@contextmanager
def s3_errors(location: Location) -> Iterator[None]:
    """Turns boto3's errors into those of the port, with the address in the words."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        raise _meant(location, error.response) from error
    except (BotoCoreError, OSError) as error:
        raise NodeUnavailable(f"{location} at {location.server.url}: {error}") from error


def code_of(error: BaseException) -> str:
    """S3's code of the error that an error of ours was made from."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    """The HTTP status of the same, 0 when there was no answer."""
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _response(error: BaseException) -> dict[str, Any]:
    return getattr(error.__cause__, "response", None) or {}


def _meant(location: Location, response: dict[str, Any]) -> ObjectError:
    code = str(response["Error"].get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    where = f"{location} at {location.server.url}"
    said = f"{code}: {response['Error'].get('Message') or 'no reason given'}"
    if code == "NoSuchUpload":
        return UploadGone(f"{where} has no such upload")
    if code in ("NoSuchKey", "404"):
        return ObjectMissing(f"{where} has no such object")
    if code in _WRONG_BYTES:
        return ChecksumMismatch(f"{where}: {said}")
    if code in _FULL or status == 507:
        return NodeFull(f"{where}: {said}")
    if code in _REFUSED or status == 403:
        return NodeUnavailable(f"{where} refuses the credentials (AWS_ACCESS_KEY_ID): {said}")
    if code == "NoSuchBucket":
        return NodeUnavailable(f"{where}: there is no such bucket; make it with: wadi storage init")
    return NodeUnavailable(f"{where}: {said}")


def _from_environment() -> Credentials | None:
    access, secret = setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, setting("AWS_SESSION_TOKEN")) if access and secret else None


@lru_cache(maxsize=32)
def _client(server: Server, found: Credentials | None, timeout: int) -> Any:
    from botocore.config import Config  # type: ignore[import-untyped]

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual" if server.virtual else "path"},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=32,
        # ours are SHA-256; older servers know no other
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    keys: dict[str, str | None] = {}
    if found and not server.profile:
        keys = {
            "aws_access_key_id": found.access,
            "aws_secret_access_key": found.secret,
            "aws_session_token": found.token or None,
        }
    session = _session(server.profile)
    with _session_errors(server):
        return session.client(
            "s3", region_name=server.region, endpoint_url=server.endpoint or None, config=config, **keys
        )


@lru_cache(maxsize=8)
def _session(profile: str) -> Any:
    import boto3  # type: ignore[import-untyped]
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.session.Session(profile_name=profile or None)
    except BotoCoreError as error:
        raise NodeUnavailable(f"the AWS credentials cannot be read: {error}") from error


@contextmanager
def _session_errors(server: Server) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise NodeUnavailable(f"{server.url}: {error}") from error
