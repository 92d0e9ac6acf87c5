"""Who is calling: roles, access tokens, passwords.

Importing this package imports the standard library only. cryptography (35 ms) and bcrypt (2 ms) are imported when a
token is first checked or a password first hashed, so that a cold start which needs neither does not pay for them.
"""

from shared.identity.roles import Principal, Role
from shared.identity.tokens import (
    ACCESS_TOKEN_SECONDS,
    InvalidToken,
    issue_access_token,
    jwks,
    verify_access_token,
)

__all__ = [
    "ACCESS_TOKEN_SECONDS",
    "InvalidToken",
    "Principal",
    "Role",
    "issue_access_token",
    "jwks",
    "verify_access_token",
]
