"""What a decorated function declares: enough to serve it, route to it and document it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from events.base import Event
from shared.rate_limit.per_client import PerClient
from shared.runtime.access import Access
from shared.runtime.http import Route


@dataclass(frozen=True)
class HttpCapability:
    name: str
    route: Route
    access: Access
    limit: PerClient | None
    raw_body: bool
    query_token: bool
    request: type | None  # a msgspec Struct, or None when the function takes only its context
    answer: Any  # the return annotation
    call: Callable[..., Any]


@dataclass(frozen=True)
class EventCapability:
    name: str
    events: tuple[type[Event], ...]  # none: those of any type
    lease: float | None  # seconds
    call: Callable[..., Any]


@dataclass(frozen=True)
class PingCapability:
    name: str
    call: Callable[..., Any]


Capability = HttpCapability | EventCapability | PingCapability

ATTRIBUTE = "__wadi_capability__"


def capability_of(function: Any) -> Capability:
    """What a decorator attached to a function. Raises LookupError for a function that is not decorated."""
    found = getattr(function, ATTRIBUTE, None)
    if found is None:
        raise LookupError(f"{function!r} has no @http_function, @event_function or @ping_function.")
    assert isinstance(found, HttpCapability | EventCapability | PingCapability)
    return found
