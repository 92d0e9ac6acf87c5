"""A CloudEvent from an HTTP request, in binary or structured mode (CloudEvents HTTP binding 1.0, section 3)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flask
import msgspec

from events.base import Event
from shared.config import integer
from shared.errors import Malformed


class Received(NamedTuple):
    attributes: dict[str, Any]
    data: Any  # as decoded from JSON


def read_event(request: flask.Request) -> Received:
    """Raises Malformed with what is wrong."""
    # imported here: a function that only answers requests does not pay for it
    from cloudevents.exceptions import GenericException
    from cloudevents.http import from_http

    limit = integer("MAX_BODY_BYTES")
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise Malformed(f"The event has more than {limit} bytes.")
    try:
        event = from_http(dict(request.headers), body, data_unmarshaller=_decode)
    except (GenericException, RecursionError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"This is no CloudEvent: {error}") from error
    attributes = dict(event.get_attributes())
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise Malformed(f"The CloudEvent has no {name}.")
    return Received(attributes, event.get_data())


def payload(kinds: Sequence[type[Event]], received: Received) -> Event:
    """The typed payload. Raises Malformed when its type is none of these, or the data are not that type's."""
    kind = next((one for one in kinds if one.type == received.attributes["type"]), None)
    if kind is None:
        expected = " or ".join(one.type for one in kinds)
        raise Malformed(f"Expected an event of type {expected}, got {received.attributes['type']}.")
    try:
        return msgspec.convert(received.data, kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"The data of {kind.type} is not valid: {error}") from error


def _decode(body: bytes | str | None) -> Any:
    return msgspec.json.decode(body) if body else None
