"""Roles, and who includes whom."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """USER < CREATOR < ADMIN. ENTERPRISE may do what a CREATOR may, with a quota and a priority of its own."""

    USER = "USER"
    CREATOR = "CREATOR"
    ENTERPRISE = "ENTERPRISE"
    ADMIN = "ADMIN"

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what `other` may do."""
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
