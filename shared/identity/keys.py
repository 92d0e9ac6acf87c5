"""The key pairs that sign access tokens, derived from JWT_SECRET.

Every process derives the same keys from the same secret, so none has to be stored or sent. JWT_SECRET may hold several
secrets, separated by commas: the first signs, all verify. To rotate, put a new one in front, and remove the old one a
day later, when the last token that it signed has expired.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from shared.config import ConfigError, setting

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt import PyJWK

ALGORITHM = "EdDSA"  # the only one: RFC 8037, with the curve Ed25519
WEAK_BELOW = 32  # characters

log = logging.getLogger("wadi.identity")


class SigningKey(NamedTuple):
    """One Ed25519 key pair; `kid` names it in tokens (RFC 7638 thumbprint of the public key)."""

    kid: str
    private: Ed25519PrivateKey
    public: PyJWK
    jwk: dict[str, str]  # the public key, as in a JWK Set


def signing_keys() -> list[SigningKey]:
    """The keys of all secrets in JWT_SECRET, the signing one first. Raises ConfigError when there is none."""
    return list(_derive_all(setting("JWT_SECRET")))


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, for a key of RFC 8037: SHA-256 of the required members, in base64url."""
    required = f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode()


@lru_cache(maxsize=4)
def _derive_all(secrets: str) -> tuple[SigningKey, ...]:
    names = [part.strip() for part in secrets.split(",")]
    keys = tuple(_derive(secret) for secret in names if secret)
    if not keys:
        raise ConfigError("JWT_SECRET is not set: access tokens cannot be signed or checked without it.")
    if any(0 < len(secret) < WEAK_BELOW for secret in names):
        log.warning("JWT_SECRET is shorter than %d characters: who has a token can try to guess it.", WEAK_BELOW)
    return keys


def _derive(secret: str) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt import PyJWK
    from jwt.algorithms import OKPAlgorithm

    # HKDF-SHA256 (RFC 5869), no salt, one block
    extracted = hmac.new(bytes(32), secret.encode(), hashlib.sha256).digest()
    seed = hmac.new(extracted, b"wadi access tokens\x01", hashlib.sha256).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    kid = thumbprint(key)
    jwk = {"kty": key["kty"], "crv": key["crv"], "use": "sig", "alg": ALGORITHM, "kid": kid, "x": key["x"]}
    return SigningKey(kid, private, PyJWK(jwk), jwk)
