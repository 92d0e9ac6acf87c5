"""Roles, and which role includes which."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """USER < CREATOR < ADMIN. ENTERPRISE may do what a CREATOR may, with its own quota and priority."""

    USER = "USER"
    CREATOR = "CREATOR"
    ENTERPRISE = "ENTERPRISE"
    ADMIN = "ADMIN"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do everything that `other` may do."""
        return other in _INCLUDED[self]


_INCLUDED = {
    Role.USER: {Role.USER},
    Role.CREATOR: {Role.USER, Role.CREATOR},
    Role.ENTERPRISE: {Role.USER, Role.CREATOR, Role.ENTERPRISE},
    Role.ADMIN: set(Role),
}


class Principal(NamedTuple):
    """A caller whose access token was verified."""

    user_id: str
    role: Role
