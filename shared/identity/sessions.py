"""Refresh tokens: 256 random bits, stored as a hash, exchanged once.

A session has the tokens that came from one login, each exchanged for the next. When a token is used a second time,
either it or its successor was stolen: the whole session ends, and both thief and owner have to log in.
"""

import hashlib
import secrets

from msgspec import Struct

from shared.db import Transaction
from shared.identity import accounts
from shared.identity.model import Tokens, User
from shared.identity.tokens import issue_access_token
from shared.ids import new_id

REFRESH_TOKEN_DAYS = 7


class _Session(Struct):
    id: str
    account_id: str
    revoked: bool


class _RefreshToken(Struct):
    expired: bool
    used: bool
    used_meanwhile: bool


class RefreshRefused(Exception):
    """The refresh token cannot be exchanged; the message says why."""


def open_session(tx: Transaction, user: User) -> Tokens:
    """Begins a session, and forgets the account's expired ones."""
    tx.execute("delete from session where account_id = %s and expires_at < now()", (user.id,))
    session = new_id()
    tx.execute(
        "insert into session (id, account_id, expires_at) values (%s, %s, now() + make_interval(days => %s))",
        (session, user.id, REFRESH_TOKEN_DAYS),
    )
    return _tokens(tx, session, user)


def exchange(tx: Transaction, refresh_token: str) -> Tokens | RefreshRefused:
    """The next two tokens. A refusal is returned, not raised, because the session that it revoked must be committed."""
    digest = _digest(refresh_token)
    # Locks the session: two exchanges of one session run one after the other, and what is read below stays true.
    session = tx.one(
        _Session,
        """
        select s.id, s.revoked_at is not null as revoked, a.id as account_id
        from session s join refresh_token t on t.session_id = s.id join account a on a.id = s.account_id
        where t.hash = %s for update of s
        """,
        (digest,),
    )
    if session is None:
        return RefreshRefused("This refresh token is not known here: log in again.")
    token = tx.one(
        _RefreshToken,
        """
        select expires_at < now() as expired, used_at is not null as used,
            coalesce(used_at > now(), false) as used_meanwhile
        from refresh_token where hash = %s
        """,
        (digest,),
    )
    assert token is not None, "tokens are deleted with their session only, which is locked"
    if session.revoked:
        return RefreshRefused("The session has ended: log in again.")
    if token.used_meanwhile:  # by a request at the same time: two tabs of one browser, not a thief
        return RefreshRefused("The refresh token was used by another request at the same moment.")
    if token.used:
        tx.execute("update session set revoked_at = now() where id = %s", (session.id,))
        return RefreshRefused("The refresh token was used before, so the session was ended: log in again.")
    if token.expired:
        return RefreshRefused("The refresh token has expired: log in again.")
    tx.execute("update refresh_token set used_at = clock_timestamp() where hash = %s", (digest,))
    tx.execute(
        "update session set expires_at = now() + make_interval(days => %s) where id = %s",
        (REFRESH_TOKEN_DAYS, session.id),
    )
    user = accounts.load(tx, session.account_id)
    assert user is not None, "a session is deleted with its account"
    return _tokens(tx, session.id, user)


def close_session(tx: Transaction, refresh_token: str) -> None:
    """Ends the session that the token belongs to, if there is one."""
    tx.execute(
        """
        update session set revoked_at = coalesce(revoked_at, now())
        where id = (select session_id from refresh_token where hash = %s)
        """,
        (_digest(refresh_token),),
    )


def _tokens(tx: Transaction, session: str, user: User) -> Tokens:
    refresh_token = secrets.token_urlsafe(32)
    tx.execute(
        "insert into refresh_token (hash, session_id, expires_at) values (%s, %s, now() + make_interval(days => %s))",
        (_digest(refresh_token), session, REFRESH_TOKEN_DAYS),
    )
    access_token, expires_in = issue_access_token(user.id, user.role)
    return Tokens(access_token, refresh_token, "Bearer", expires_in, user)


def _digest(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode()).digest()
