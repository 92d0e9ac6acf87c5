"""Access tokens: JWTs signed with Ed25519 (`alg` EdDSA), valid for 24 h.

There is one algorithm and one form, so this is written on cryptography's Ed25519 (35 ms to import, once, when the first
token is checked) rather than on PyJWT, which imports X.509, RSA and an HTTP client: 130 ms, a quarter of a function's
cold start. The tests hold it to PyJWT in both directions. (Measured with `python -X importtime`.)
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import Any

from shared.identity.keys import SigningKey, base64url, signing_keys
from shared.identity.roles import Principal, Role
from shared.ids import new_id

ACCESS_TOKEN_SECONDS = 24 * 3600
ISSUER = "wadi"
AUDIENCE = "wadi"
CLOCK_SKEW = 10  # seconds that the clock of a machine which verifies may be behind the one that issued
MAX_LENGTH = 4096

_PART = re.compile(r"[A-Za-z0-9_-]+")


class InvalidToken(Exception):
    """An access token that is not accepted; the message says why, in a sentence for a person."""


def issue_access_token(user_id: str, role: Role, *, now: float | None = None) -> tuple[str, int]:
    """A signed token for this account, and for how many seconds it is valid."""
    key = signing_keys()[0]
    issued = int(time.time() if now is None else now)
    header = {"alg": "EdDSA", "kid": key.kid, "typ": "JWT"}
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "role": role.value,
        "iat": issued,
        "nbf": issued,
        "exp": issued + ACCESS_TOKEN_SECONDS,
        "jti": new_id(),
    }
    signed = f"{_encode(header)}.{_encode(claims)}"
    return f"{signed}.{base64url(key.private.sign(signed.encode()))}", ACCESS_TOKEN_SECONDS


def verify_access_token(token: str, *, now: float | None = None) -> Principal:
    """Who the token speaks for. Raises InvalidToken; nothing in the token is believed before its signature holds."""
    parts = token.split(".")
    if len(token) > MAX_LENGTH or len(parts) != 3:
        raise InvalidToken("This is not an access token.")
    header, claims = _decode(parts[0]), _decode(parts[1])
    if header.get("alg") != "EdDSA":
        raise InvalidToken("The token is not signed with EdDSA.")
    _check_signature(_key(header.get("kid")), f"{parts[0]}.{parts[1]}", parts[2])
    return _principal(claims, time.time() if now is None else now)


def jwks() -> dict[str, Any]:
    """The public keys as a JSON Web Key Set, for the ingress and for anyone who checks tokens."""
    return {
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": key.x}
            for key in signing_keys()
        ]
    }


def _key(kid: object) -> SigningKey:
    for key in signing_keys():
        if key.kid == kid:
            return key
    raise InvalidToken("The token was signed with a key that is not in use here.")


def _check_signature(key: SigningKey, signed: str, signature: str) -> None:
    from cryptography.exceptions import InvalidSignature

    try:
        key.public.verify(_bytes(signature), signed.encode())
    except InvalidSignature:
        raise InvalidToken("The signature of the token does not hold.") from None


def _principal(claims: dict[str, Any], now: float) -> Principal:
    if claims.get("iss") != ISSUER or claims.get("aud") != AUDIENCE:
        raise InvalidToken("The token was issued by or for somebody else.")
    if now >= _time(claims, "exp"):
        raise InvalidToken("The token has expired: log in again, or use the refresh token.")
    if now + CLOCK_SKEW < _time(claims, "nbf"):
        raise InvalidToken("The token is not valid yet.")
    user_id = claims.get("sub")
    if not isinstance(user_id, str) or not user_id:
        raise InvalidToken("The token names no account.")
    try:
        return Principal(user_id, Role(claims["role"]))
    except (KeyError, ValueError):
        raise InvalidToken("The token names a role that does not exist.") from None


def _time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidToken(f"The token has no {name}.")
    return value


def _encode(part: dict[str, Any]) -> str:
    return base64url(json.dumps(part, separators=(",", ":")).encode())


def _decode(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(part))
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested absurdly deep
        raise InvalidToken("This is not an access token.") from None
    if not isinstance(value, dict):
        raise InvalidToken("This is not an access token.")
    return value


def _bytes(part: str) -> bytes:
    """Base64url without padding, and nothing else: Python's own decoder skips characters that it does not know."""
    if not _PART.fullmatch(part):
        raise InvalidToken("This is not an access token.")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidToken("This is not an access token.") from None
    if base64url(data) != part:  # one token has one spelling
        raise InvalidToken("This is not an access token.")
    return data
