"""Exchanges a refresh token, once, for the next access token and the next refresh token."""

from msgspec import Struct

from shared.identity.model import Tokens
from shared.identity.sessions import RefreshRefused, exchange
from shared.runtime.function import ANYONE, Context, PerClient, Problem, http_function


class RefreshRequest(Struct):
    refresh_token: str


@http_function("POST /api/auth/refresh", access=ANYONE, limit=PerClient("refresh", 60, per=60))
def refresh(request: RefreshRequest, context: Context) -> Tokens:
    with context.transaction() as tx:
        tokens = exchange(tx, request.refresh_token)
    if isinstance(tokens, RefreshRefused):
        raise Problem("invalid-refresh-token", str(tokens))
    return tokens
