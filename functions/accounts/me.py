"""The account of the caller."""

from shared.identity import accounts
from shared.identity.model import User
from shared.runtime.function import USER, Context, Problem, http_function


@http_function("GET /api/auth/me", access=USER)
def me(context: Context) -> User:
    with context.transaction() as tx:
        user = accounts.load(tx, context.caller.user_id)
    if user is None:
        raise Problem("not-authenticated", "The account of this token no longer exists.")
    return user
