"""The account of the caller."""

from shared.identity.model import User
from shared.runtime.function import USER, Context, Problem, http_function


@http_function("GET /api/auth/me", access=USER)
def me(context: Context) -> User:
    with context.transaction() as tx:
        account = tx.one("select id, email, name, role from account where id = %s", (context.caller.user_id,))
    if account is None:
        raise Problem("not-authenticated", "The account of this token no longer exists.")
    return User.of(account)
