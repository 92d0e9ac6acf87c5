"""What a function is given beside its request or event."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import flask
from werkzeug.datastructures import Headers

from shared import db
from shared.config import setting
from shared.errors import Problem
from shared.identity import InvalidToken, Principal, verify_access_token
from shared.runtime.idempotency import Lease

if TYPE_CHECKING:
    from shared.coordination import Fence


_PREFIX = re.compile(r"(/[\w.~%-]+)+", re.ASCII)


def event_source(capability: str) -> str:
    """The CloudEvents `source` of what a capability publishes."""
    return f"/wadi/{capability.replace('_', '-')}"


class Context:
    """The surroundings of one request or event.

    `event` has the CloudEvent's attributes (an empty dict for a request).
    """

    def __init__(
        self,
        capability: str,
        request: flask.Request,
        *,
        query_token: bool = False,
        event: Mapping[str, Any] | None = None,
        joined: db.Transaction | None = None,
        lease: Lease | None = None,
    ) -> None:
        self.capability = capability
        self.source = event_source(capability)
        self.log = logging.getLogger(f"wadi.{capability}")
        self.event: Mapping[str, Any] = event or {}
        self._request = request
        self._query_token = query_token
        self._joined = joined
        self._lease = lease
        self.fence: Fence | None = None  # of the lock that an exclusive job works under

    @contextmanager
    def transaction(self) -> Iterator[db.Transaction]:
        """A transaction that commits at the end of the block. See docs/architecture.md, "A function"."""
        if self._joined is not None:
            yield self._joined
            return
        with db.transaction(self.source) as tx:
            if self._lease is not None:
                self._lease.fence(tx)
            if self.fence is not None:
                self.fence.check(tx)
            yield tx

    @property
    def headers(self) -> Headers:
        return self._request.headers

    @property
    def stream(self) -> IO[bytes]:
        """The body, unread (raw_body=True)."""
        return self._request.stream

    @property
    def query(self) -> Mapping[str, str]:
        return self._request.args

    @property
    def base_url(self) -> str:
        """How this client reaches the gateway, without a slash at the end: PUBLIC_URL, else the name that it used."""
        if setting("PUBLIC_URL"):
            return setting("PUBLIC_URL").rstrip("/")
        host = self.headers.get("X-Forwarded-Host")
        here = (
            f"{self.headers.get('X-Forwarded-Proto', 'http')}://{host}" if host else self._request.host_url.rstrip("/")
        )
        prefix = self.headers.get("X-Forwarded-Prefix", "").rstrip("/")  # what a proxy took off the path
        return here + prefix if _PREFIX.fullmatch(prefix) else here

    @property
    def client(self) -> str:
        """The client's address as the gateway saw it, which clients cannot forge: in CLIENT_ADDRESS_HEADER where it is
        set, else the last hop of X-Forwarded-For, which is the client's where the gateway is the only hop."""
        named = setting("CLIENT_ADDRESS_HEADER")
        told = self.headers.get(named) if named else None
        hops = self.headers.get("X-Forwarded-For", "").split(",")
        return told or hops[-1].strip() or self._request.remote_addr or "unknown"

    @property
    def token(self) -> str | None:
        """The access token that was sent: Authorization, or ?token= where the route takes it."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and value:
            return value.strip()
        return self._request.args.get("token") if self._query_token else None

    @cached_property
    def principal(self) -> Principal | None:
        """The caller; None when no token was sent. Raises Problem not-authenticated for a bad one."""
        if self.token is None:
            return None
        try:
            return verify_access_token(self.token)
        except InvalidToken as error:
            raise Problem(
                "not-authenticated", str(error), headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
            ) from error

    @property
    def caller(self) -> Principal:
        """The caller of a route that needs a token."""
        assert self.principal is not None, "a PUBLIC route has no certain caller"
        return self.principal
