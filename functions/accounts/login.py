"""Exchanges an e-mail address and a password for tokens."""

from typing import Any

from msgspec import Struct

from shared.identity import rules, throttle
from shared.identity.model import Tokens, User
from shared.identity.passwords import check_password, hash_password, needs_rehash
from shared.identity.sessions import open_session
from shared.runtime.function import ANYONE, Context, PerClient, Problem, http_function


class LoginRequest(Struct):
    email: str
    password: str


@http_function("POST /api/auth/login", access=ANYONE, limit=PerClient("login", 20, per=60))
def login(request: LoginRequest, context: Context) -> Tokens:
    account, attempt = _account(request.email, context)
    attempt.spend()
    # The same work whether the account exists or not; and no transaction is open while it lasts.
    if not check_password(request.password, account["password_hash"] if account else None) or account is None:
        raise Problem("invalid-credentials", "Check the e-mail address and the password.")
    renewed = hash_password(request.password) if needs_rehash(account["password_hash"]) else None
    with context.transaction() as tx:
        if renewed:
            tx.execute(
                "update account set password_hash = %s where id = %s and password_hash = %s",
                (renewed, account["id"], account["password_hash"]),
            )
        throttle.remember(tx, account["id"], context.client)
        tokens = open_session(tx, User.of(account))
    attempt.succeeded()
    return tokens


def _account(email: str, context: Context) -> tuple[dict[str, Any] | None, throttle.Attempt]:
    """The account if there is one, and whose tries this one counts among."""
    try:
        address = rules.email_address(email)
    except rules.Refused:  # nobody can have registered with it
        return None, throttle.attempt(email, context.client, known=False)
    with context.transaction() as tx:
        account = tx.one(
            """
            select id, email, name, role, password_hash,
                exists (select 1 from login_network where account_id = account.id and network = %s) as known
            from account where email = %s
            """,
            (throttle.network_of(context.client), address),
        )
    return account, throttle.attempt(address, context.client, known=account is not None and account["known"])
