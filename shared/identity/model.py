"""What the account functions answer."""

from typing import Literal

from msgspec import Struct

from shared.identity.roles import Role


class User(Struct):
    """An account as its owner sees it."""

    id: str
    email: str
    name: str
    role: Role


class Tokens(Struct):
    """An access token for the next `expires_in` seconds, and a refresh token to be exchanged once for the next two."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    user: User
