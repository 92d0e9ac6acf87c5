"""Who includes whom."""

import pytest

from shared.identity import Role

INCLUDED = {
    Role.USER: "USER",
    Role.CREATOR: "USER CREATOR",
    Role.ENTERPRISE: "USER CREATOR ENTERPRISE",
    Role.ADMIN: "USER CREATOR ENTERPRISE ADMIN",
}


@pytest.mark.parametrize("role", list(Role))
def test_inclusion(role: Role) -> None:
    assert [other.value for other in Role if role.includes(other)] == INCLUDED[role].split()
