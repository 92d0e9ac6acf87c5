"""Access tokens: JWTs signed with Ed25519 (`alg` EdDSA), valid for 24 h. PyJWT signs and verifies them.

PyJWT is imported when the first token is issued or verified (ADR 0033): a function that sees none starts without it.
"""

from __future__ import annotations

import time
from typing import Any

from shared.identity.keys import ALGORITHM, SigningKey, signing_keys
from shared.identity.roles import Principal, Role
from shared.ids import new_id

ACCESS_TOKEN_SECONDS = 24 * 3600
ISSUER = "wadi"
AUDIENCE = "wadi"
CLOCK_SKEW = 10  # seconds that the clock of a machine which verifies may be behind the one that issued
MAX_LENGTH = 4096


class InvalidToken(Exception):
    """An access token that is not accepted; the message says why, in a sentence for a person."""


def issue_access_token(user_id: str, role: Role, *, now: float | None = None) -> tuple[str, int]:
    """A signed token for this account, and for how many seconds it is valid."""
    import jwt

    key = signing_keys()[0]
    issued = int(time.time() if now is None else now)
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
    return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid}), ACCESS_TOKEN_SECONDS


def verify_access_token(token: str, *, now: float | None = None) -> Principal:
    """Who the token speaks for. Raises InvalidToken; no claim is believed before the signature is verified."""
    claims = _verified_claims(token, _signing_key(token))
    _check_times(claims, time.time() if now is None else now)
    user_id = claims.get("sub")
    if not isinstance(user_id, str) or not user_id:
        raise InvalidToken("The token names no account.")
    try:
        return Principal(user_id, Role(claims["role"]))
    except (KeyError, ValueError):
        raise InvalidToken("The token names a role that does not exist.") from None


def jwks() -> dict[str, Any]:
    """The public keys as a JSON Web Key Set, for the ingress and for anyone who checks tokens."""
    return {"keys": [key.jwk for key in signing_keys()]}


def _signing_key(token: str) -> SigningKey:
    """The key that the header names. The header is only used to choose among our own keys of one algorithm."""
    import jwt

    # PyJWT accepts base64url with padding; a token of ours has none, so that it has one spelling only.
    if len(token) > MAX_LENGTH or "=" in token or not token.isascii():
        raise InvalidToken("This is not an access token.")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.DecodeError:
        raise InvalidToken("This is not an access token.") from None
    except jwt.InvalidTokenError:  # `kid` is not a string, or `crit` requires an extension
        header = {"alg": ALGORITHM}
    if header.get("alg") != ALGORITHM:
        raise InvalidToken("The token is not signed with EdDSA.")
    for key in signing_keys():
        if key.kid == header.get("kid"):
            return key
    raise InvalidToken("The token was signed with a key that is not in use here.")


def _verified_claims(token: str, key: SigningKey) -> dict[str, Any]:
    """The claims of a token that this key signed, issued by and for us; times, account and role are not checked yet."""
    import jwt

    try:
        return jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={
                "strict_aud": True,
                # Checked below: PyJWT has one leeway for `nbf` and `exp` alike, and takes "7" for a time.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidSignatureError:
        raise InvalidToken("The signature of the token does not hold.") from None
    except jwt.DecodeError:
        raise InvalidToken("This is not an access token.") from None
    except jwt.InvalidTokenError:
        raise InvalidToken("The token was issued by or for somebody else.") from None


def _check_times(claims: dict[str, Any], now: float) -> None:
    if now >= _time(claims, "exp"):
        raise InvalidToken("The token has expired: log in again, or use the refresh token.")
    if now + CLOCK_SKEW < _time(claims, "nbf"):
        raise InvalidToken("The token is not valid yet.")


def _time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidToken(f"The token has no {name}.")
    return value
