"""Signed object URLs: `/objects/<node>/<key>?expires=…&…&signature=…`.

The signature is an HMAC-SHA256 over the method, the path and every other field of the query, with a key derived from
JWT_SECRET. It is the permission: whoever has the URL may use it until it expires.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from shared.config import ConfigError, setting
from shared.errors import Problem

GRANT = "GET *"  # as the method that is signed; no request has it, so a grant and a URL never pass for each other


def sign(method: str, path: str, expires_at: int, fields: Mapping[str, str | int] | None = None) -> str:
    """The URL (path and query) that allows `method` on `path` until `expires_at`.

    A manifest has a thousand of them, so this is kept to some 10 µs.
    """
    where, values = quote(path), _quoted({"expires": expires_at} | dict(fields or {}))
    return f"{where}?{'&'.join(values)}&signature={_signature(_secrets()[0], method, where, values)}"


def verify(method: str, path: str, query: Mapping[str, str], now: float | None = None) -> None:
    """Raises Problem invalid-signature unless the URL was signed by us for this method and has not expired."""
    items = list(query.items())
    fields = {name: value for name, value in items if name != "signature"}
    where, values, given = quote(path), _quoted(fields), query.get("signature", "").encode()
    signatures = [_signature(secret, method, where, values).encode() for secret in _secrets()]
    # a field that stands twice would be checked as one value and used as the other
    unique = len(items) == len(fields) + 1
    if not unique or not any(hmac.compare_digest(signature, given) for signature in signatures):
        raise Problem("invalid-signature", "The URL is not one that was signed here for this use.")
    if int(query["expires"]) < (time.time() if now is None else now):
        raise Problem("invalid-signature", "The URL has expired: ask for a new one.")


def grant(subject: str, expires_at: int) -> str:
    """The name of a folder that allows GET on everything in it until `expires_at`, so that relative URLs need no
    signature of their own. What is in it belongs to `subject`, which has no "." in it."""
    return f"{subject}.{expires_at:x}.{_signature(_secrets()[0], GRANT, subject, _quoted({'expires': expires_at}))}"


def granted(name: str, now: float | None = None) -> str:
    """The subject of a grant. Raises Problem invalid-signature unless it was made by us and has not expired."""
    subject, _, rest = name.partition(".")
    expires, _, given = rest.partition(".")
    expires_at = int(expires, 16) if re.fullmatch("[0-9a-f]{1,12}", expires) else 0
    values = _quoted({"expires": expires_at})
    signatures = [_signature(secret, GRANT, subject, values).encode() for secret in _secrets()]
    if not any(hmac.compare_digest(signature, given.encode()) for signature in signatures):
        raise Problem("invalid-signature", "The URL is not one that was signed here for this use.")
    if expires_at < (time.time() if now is None else now):
        raise Problem("invalid-signature", "The URL has expired: ask for a new one.")
    return subject


def _quoted(fields: Mapping[str, str | int]) -> list[str]:
    """In order, and so that no field can pass for two."""
    return sorted(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in fields.items())


def _signature(secret: str, method: str, path: str, values: list[str]) -> str:
    text = "\n".join(("GET" if method == "HEAD" else method, path, *values))
    return hmac.digest(_key(secret), text.encode(), "sha256").hex()


def _secrets() -> list[str]:
    secrets = [secret for secret in (part.strip() for part in setting("JWT_SECRET").split(",")) if secret]
    if not secrets:
        raise ConfigError("JWT_SECRET is not set: object URLs cannot be signed without it.")
    return secrets


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) with no salt and one block: four lines, where the library costs 30 ms of a cold start."""
    extracted = hmac.new(bytes(32), secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, b"wadi object urls\x01", hashlib.sha256).digest()
