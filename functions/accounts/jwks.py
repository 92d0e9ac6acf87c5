"""The public keys that access tokens are checked with, for the ingress and for other systems."""

from typing import Literal

import msgspec

from shared import identity
from shared.runtime.function import ANYONE, Context, http_function


class Key(msgspec.Struct):
    """RFC 8037: an Ed25519 public key."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class KeySet(msgspec.Struct):
    keys: list[Key]


@http_function("GET /.well-known/jwks.json", access=ANYONE)
def jwks(context: Context) -> KeySet:
    return msgspec.convert(identity.jwks(), KeySet)
