"""The key pairs that sign access tokens, derived from JWT_SECRET.

Every process derives the same keys from the same secret, so none has to be stored or handed around. JWT_SECRET may name
several secrets, separated by commas: the first signs, all verify. To rotate, put a new one in front, and drop the old
one a day later, when the last token that it signed has expired.
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
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WEAK_BELOW = 32  # characters

log = logging.getLogger("wadi.identity")


class SigningKey(NamedTuple):
    """One Ed25519 key pair; `kid` names it in tokens (RFC 7638 thumbprint of the public key)."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    x: str  # the public key as in a JWK


def signing_keys() -> list[SigningKey]:
    """The keys of all secrets in JWT_SECRET, the signing one first. Raises ConfigError when there is none."""
    return list(_derive_all(setting("JWT_SECRET")))


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
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    # HKDF-SHA256 (RFC 5869), no salt, one block
    extracted = hmac.new(bytes(32), secret.encode(), hashlib.sha256).digest()
    seed = hmac.new(extracted, b"wadi access tokens\x01", hashlib.sha256).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key()
    x = base64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    return SigningKey(base64url(thumbprint), private, public, x)


def base64url(data: bytes) -> str:
    """Base64url without padding, as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
