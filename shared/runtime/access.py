"""Who may call a function."""

from enum import Enum

from shared.errors import Problem
from shared.identity import Principal, Role


class Access(Enum):
    """What a caller needs; the whole table is docs/access.md.

    ANYONE   nothing; a token is not looked at (the request has a credential of its own, or needs none)
    PUBLIC   nothing; a token that is sent must be valid, and the caller may see more with it
    USER     the role USER
    CREATOR  the role CREATOR
    OWNER    the role CREATOR, and the thing in the path belongs to the caller; an ADMIN may, whose ever it is
    ADMIN    the role ADMIN

    What is not public is not there for others: 404, never 403. That part is the function's, which reads the row; the
    test of the roles asks every route of a thing that has an owner.
    """

    ANYONE = "anyone"
    PUBLIC = "public"
    USER = "user"
    CREATOR = "creator"
    OWNER = "owner"
    ADMIN = "admin"

    @property
    def role(self) -> Role | None:
        """The least role; None when no token is needed."""
        return _LEAST.get(self)

    @property
    def reads_token(self) -> bool:
        return self is not Access.ANYONE


_LEAST = {
    Access.USER: Role.USER,
    Access.CREATOR: Role.CREATOR,
    Access.OWNER: Role.CREATOR,
    Access.ADMIN: Role.ADMIN,
}


def check(access: Access, principal: Principal | None) -> None:
    """Raises Problem not-authenticated or forbidden."""
    if access.role is None:
        return
    if principal is None:
        raise Problem(
            "not-authenticated",
            "Send the access token of a login: 'Authorization: Bearer …'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not principal.role.includes(access.role):
        raise Problem("forbidden", f"This needs the role {access.role.name}; yours is {principal.role.name}.")
