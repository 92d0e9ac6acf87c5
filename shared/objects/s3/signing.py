"""Presigned S3 URLs (AWS Signature Version 4 in the query string).

Written out here because a manifest has a thousand of them: boto3 takes 400 ms to be imported and half a millisecond for
each, this takes 15 µs. And because a URL must stay the same for a while, or no cache would ever hit: the date that a
signature stands for is the beginning of the hour.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from shared.objects.s3.location import Location

HOUR = 3600
LONGEST = 7 * 24 * HOUR  # that S3 accepts
_SAFE = "-_.~"


class Credentials(NamedTuple):
    access: str
    secret: str
    token: str


def presign(
    location: Location,
    credentials: Credentials,
    method: str,
    key: str,
    expires_at: int,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """The public URL that allows `method` on a key of the bucket (of characters that need no quoting) until
    `expires_at`.

    The request has to bring exactly these headers: S3 refuses any x-amz- header that was not signed.
    """
    base, host, path = _place(location)
    path += key
    signed_at = min(int(time.time()) // HOUR * HOUR, expires_at - 1)
    signed = {**(headers or {}), "host": host}
    names = ";".join(sorted(signed))
    given = tuple((fields or {}).items())
    frame = _frame(credentials, location.server.region, signed_at, min(expires_at - signed_at, LONGEST), names, given)
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = f"{method}\n{path}\n{frame.query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    text = frame.preamble + hashlib.sha256(request.encode()).hexdigest()
    signature = hmac.digest(frame.key, text.encode(), "sha256").hex()
    return f"{base}{path}?{frame.query}&X-Amz-Signature={signature}"


class _Frame(NamedTuple):
    """What all URLs that are signed alike have in common."""

    query: str
    preamble: str  # of the text that is signed
    key: bytes


@lru_cache(maxsize=256)
def _frame(
    credentials: Credentials, region: str, signed_at: int, lifetime: int, names: str, given: tuple[tuple[str, str], ...]
) -> _Frame:
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(signed_at))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    query = {
        **dict(given),
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(lifetime),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.token:
        query["X-Amz-Security-Token"] = credentials.token
    encoded = "&".join(sorted(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in query.items()))
    key = _key(credentials.secret, moment[:8], region)
    return _Frame(encoded, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n", key)


def origin(location: Location) -> str:
    """Scheme and host of the URLs of a place."""
    return _place(location)[0]


@lru_cache(maxsize=64)
def _place(location: Location) -> tuple[str, str, str]:
    """Scheme and host, the host as it is signed, and the path up to the key."""
    parts = urlsplit(location.public)
    host = parts.netloc
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    if host.endswith(default):  # clients leave it out of their Host header
        host = host.removesuffix(default)
    if location.server.virtual:
        host = f"{location.bucket}.{host}"
        return f"{parts.scheme}://{host}", host, f"/{location.prefix}"
    return f"{parts.scheme}://{host}", host, f"/{location.bucket}/{location.prefix}"


@lru_cache(maxsize=64)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return key
