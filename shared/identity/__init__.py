"""Accounts: roles, access tokens, passwords, sessions, limits on logins.

This package alone writes the tables account, session, refresh_token and login_network. It may import shared.db,
shared.rate_limit, shared.config, shared.errors and shared.ids.

Importing it imports the standard library only. PyJWT and bcrypt are imported when a token is first issued or verified,
or a password first hashed, so that a cold start which needs neither does not pay for them.
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
