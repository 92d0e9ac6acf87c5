"""Exchanges an e-mail address and a password for tokens."""

from msgspec import Struct

from shared.identity import accounts, login_limit, rules
from shared.identity.accounts import LoginAccount
from shared.identity.login_limit import LoginAttempt
from shared.identity.model import Tokens
from shared.identity.passwords import check_password, hash_password, needs_rehash
from shared.identity.sessions import open_session
from shared.runtime.function import ANYONE, Context, PerClient, Problem, http_function


class LoginRequest(Struct):
    email: str
    password: str


@http_function("POST /api/auth/login", access=ANYONE, limit=PerClient("login", 20, per=60))
def login(request: LoginRequest, context: Context) -> Tokens:
    account, attempt = _account(request.email, context)
    attempt.check()
    # The same work whether the account exists or not; and no transaction is open while it lasts.
    if not check_password(request.password, account.password_hash if account else None) or account is None:
        raise Problem("invalid-credentials", "Check the e-mail address and the password.")
    new_hash = hash_password(request.password) if needs_rehash(account.password_hash) else None
    with context.transaction() as tx:
        if new_hash:
            accounts.replace_password_hash(tx, account, new_hash)
        login_limit.remember_network(tx, account.id, context.client)
        tokens = open_session(tx, account.user)
    attempt.succeeded()
    return tokens


def _account(email: str, context: Context) -> tuple[LoginAccount | None, LoginAttempt]:
    """The account if there is one, and the count that this try belongs to."""
    try:
        address = rules.email_address(email)
    except rules.Refused:  # nobody can have registered with it
        return None, login_limit.attempt(email, context.client, known=False)
    with context.transaction() as tx:
        account = accounts.load_for_login(tx, address, login_limit.network_of(context.client))
    return account, login_limit.attempt(address, context.client, known=account is not None and account.known)
