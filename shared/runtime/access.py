"""Who may call a function."""

from enum import Enum

from shared.errors import Problem
from shared.identity import Principal, Role


class Access(Enum):
    """The least role that a caller needs; PUBLIC needs no token at all."""

    PUBLIC = None
    USER = Role.USER
    CREATOR = Role.CREATOR
    ADMIN = Role.ADMIN


def check(access: Access, principal: Principal | None) -> None:
    """Raises Problem not-authenticated or forbidden."""
    if access.value is None:
        return
    if principal is None:
        raise Problem(
            "not-authenticated",
            "Send the access token of a login: 'Authorization: Bearer …'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not principal.role.includes(access.value):
        raise Problem("forbidden", f"This needs the role {access.value.name}; yours is {principal.role.name}.")
