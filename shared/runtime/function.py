"""What functions are declared with. The contract is in docs/architecture.md, "A function"."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import flask

from events.base import Event
from shared.errors import Malformed, Problem
from shared.rate_limit.per_client import PerClient
from shared.runtime.access import Access
from shared.runtime.capability import ATTRIBUTE, Capability, EventCapability, HttpCapability, PingCapability
from shared.runtime.context import Context
from shared.runtime.dispatch import dispatch_event, dispatch_ping, dispatch_request
from shared.runtime.http import Accepted, Created, Encoded, Response, Route
from shared.runtime.jobs import exclusively

__all__ = [
    "ADMIN",
    "ANYONE",
    "CREATOR",
    "OWNER",
    "PUBLIC",
    "USER",
    "Accepted",
    "Context",
    "Created",
    "Encoded",
    "Malformed",
    "PerClient",
    "Problem",
    "Response",
    "event_function",
    "http_function",
    "minutes",
    "ping_function",
    "seconds",
]

ANYONE, PUBLIC, USER = Access.ANYONE, Access.PUBLIC, Access.USER
CREATOR, OWNER, ADMIN = Access.CREATOR, Access.OWNER, Access.ADMIN

Call = Callable[..., Any]
Served = Callable[[flask.Request], flask.Response]


def seconds(count: float) -> float:
    return count


def minutes(count: float) -> float:
    return count * 60


def http_function(
    route: str,
    *,
    access: Access,
    limit: PerClient | None = None,
    raw_body: bool = False,
    query_token: bool = False,
) -> Callable[[Call], Served]:
    """Answers requests of one route, of those callers that `access` lets in.

    `raw_body` leaves the body to the function; `query_token` accepts ?token=.
    """

    def decorate(call: Call) -> Served:
        hints = get_type_hints(call)
        takes = [kind for kind in _parameters(call, hints) if kind is not Context]
        capability = HttpCapability(
            name=call.__name__,
            route=Route.parse(route),
            access=access,
            limit=limit,
            raw_body=raw_body,
            query_token=query_token,
            request=takes[0] if takes else None,
            answer=hints.get("return"),
            call=call,
        )
        return _served(capability, functools.partial(dispatch_request, capability))

    return decorate


def event_function(*events: type[Event], lease: float | None = None) -> Callable[[Call], Served]:
    """Handles events of these types (none named: of any), each once. With a `lease` (seconds, renewed while the work
    goes on) for work that is longer than a transaction should be."""

    def decorate(call: Call) -> Served:
        capability = EventCapability(call.__name__, events, lease, call)
        return _served(capability, functools.partial(dispatch_event, capability))

    return decorate


def ping_function(*, exclusive: str | None = None) -> Callable[[Call], Served]:
    """Is woken by a PingSource. `exclusive` names a lock: while another process holds it, nothing is done (see
    shared/runtime/jobs.py)."""

    def decorate(call: Call) -> Served:
        capability = PingCapability(call.__name__, exclusively(exclusive, call) if exclusive else call)
        return _served(capability, functools.partial(dispatch_ping, capability))

    return decorate


def _parameters(call: Call, hints: dict[str, Any]) -> list[Any]:
    """The annotations of the parameters, in their order. Raises TypeError when one has none."""
    names = list(inspect.signature(call).parameters)
    for name in names:
        if name not in hints:
            raise TypeError(f"{call.__name__}: the parameter {name} needs an annotation.")
    return [hints[name] for name in names]


def _served(capability: Capability, answer: Served) -> Served:
    # functions-framework accepts plain functions only, so a partial will not do
    @functools.wraps(capability.call)
    def serve(request: flask.Request) -> flask.Response:
        return answer(request)

    setattr(serve, ATTRIBUTE, capability)
    return serve
