"""Ends a session: its refresh tokens are worthless from here on; its access token ends by itself, within 24 h."""

from msgspec import Struct

from shared.identity.sessions import close_session
from shared.runtime.function import ANYONE, Context, http_function


class LogoutRequest(Struct):
    refresh_token: str


@http_function("POST /api/auth/logout", access=ANYONE)  # the refresh token is the credential
def logout(request: LogoutRequest, context: Context) -> None:
    with context.transaction() as tx:
        close_session(tx, request.refresh_token)
