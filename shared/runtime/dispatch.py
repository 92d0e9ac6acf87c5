"""From a request to its response: the three kinds of function, with everything they have in common."""

import logging
import time
from collections.abc import Callable
from typing import Any

import flask
import psycopg2

from shared import db
from shared.cloudevents.receive import payload, read_event
from shared.config import ConfigError
from shared.errors import Busy, LeaseLost, Malformed, Problem, Unavailable
from shared.runtime import access
from shared.runtime.capability import EventCapability, HttpCapability, PingCapability
from shared.runtime.context import Context, event_source
from shared.runtime.http import read_fields, read_request, write_problem, write_response
from shared.runtime.idempotency import IdempotencyKey, Lease, complete
from shared.telemetry import logs, metrics, trace

log = logging.getLogger("wadi.function")

Attributes = dict[str, Any]
Arguments = tuple[Any, ...]

# Errors of ours that end by themselves: the database is restarted, a lock is waited for too long.
TRANSIENT = (psycopg2.OperationalError, psycopg2.InterfaceError, ConfigError, LeaseLost, Unavailable)


def dispatch_request(capability: HttpCapability, request: flask.Request) -> flask.Response:
    """Runs an HTTP function; errors become problem+json."""
    return _measured(capability.name, request, lambda: _request(capability, request))


def dispatch_event(capability: EventCapability, request: flask.Request) -> flask.Response:
    """Runs an event function: 204 handled (now or before), 400 malformed, 409 in progress elsewhere, 503 try again."""
    return _measured(capability.name, request, lambda: _event(capability, request))


def dispatch_ping(capability: PingCapability, request: flask.Request) -> flask.Response:
    """Runs a function that a PingSource wakes: 204, or 503."""

    def work() -> flask.Response:
        capability.call(Context(capability.name, request))
        return write_response(None)

    return _measured(capability.name, request, lambda: _retried_on_error(work))


def _measured(name: str, request: flask.Request, work: Callable[[], flask.Response]) -> flask.Response:
    trace.enter(request.headers.get(trace.HEADER) or request.headers.get("ce-traceparent"))
    logs.set_subject(None)
    began = time.perf_counter()
    response = work()
    metrics.REQUESTS.labels(name, str(response.status_code)).inc()
    metrics.SECONDS.labels(name).observe(time.perf_counter() - began)
    return response


def _request(capability: HttpCapability, request: flask.Request) -> flask.Response:
    try:
        fields = capability.route.match(request.path)
        if fields is None:
            raise Problem("not-found", f"{capability.name} does not answer {request.path}.")
        if request.method != capability.route.method and not (
            request.method == "HEAD" and capability.route.method == "GET"
        ):
            raise Problem(
                "method-not-allowed",
                f"Use {capability.route.method}.",
                headers={"Allow": capability.route.method},
            )
        context = Context(capability.name, request, query_token=capability.query_token)
        if capability.access.reads_token:
            access.check(capability.access, context.principal)
        if capability.limit:
            capability.limit.check(context.client)
        if capability.request is None:
            return write_response(capability.call(context))
        read = read_fields if capability.raw_body else read_request
        return write_response(capability.call(read(capability.request, request, fields), context))
    except Problem as problem:
        return write_problem(problem)
    except TRANSIENT as error:
        # one line and no stack: it is said for every request while a backend is away
        log.error("%s: unavailable: %s", capability.name, _one_line(error))
        return write_problem(
            Problem("unavailable", "A backend does not answer: try again in a moment.", headers={"Retry-After": "2"})
        )
    except Exception:
        log.exception("%s failed", capability.name)
        return write_problem(Problem("internal-error", "Something went wrong on our side; it is in the log."))


def _event(capability: EventCapability, request: flask.Request) -> flask.Response:
    try:
        received = read_event(request)
        event = payload(capability.events, received) if capability.events else None
    except Malformed as error:
        log.warning("%s: %s", capability.name, error)
        return write_problem(Problem("invalid-request", str(error)))
    if "traceparent" in received.attributes:  # in structured mode it is not among the headers
        trace.enter(received.attributes["traceparent"])
    logs.set_subject(event)
    key = IdempotencyKey(capability.name, received.attributes["source"], received.attributes["id"])
    handle = _handle_at_once if capability.lease is None else _handle_under_lease
    arguments = () if event is None else (event,)
    return _retried_on_error(lambda: handle(capability, request, received.attributes, key, arguments))


def _handle_at_once(
    capability: EventCapability,
    request: flask.Request,
    attributes: Attributes,
    key: IdempotencyKey,
    arguments: Arguments,
) -> flask.Response:
    """One transaction for the record that the event is completed and for all that the function does."""
    with db.transaction(event_source(capability.name)) as tx:
        if complete(tx, key):
            capability.call(*arguments, Context(capability.name, request, event=attributes, joined=tx))
    return write_response(None)


def _handle_under_lease(
    capability: EventCapability,
    request: flask.Request,
    attributes: Attributes,
    key: IdempotencyKey,
    arguments: Arguments,
) -> flask.Response:
    assert capability.lease is not None
    lease = Lease(key, capability.lease)
    if lease.acquire():
        with lease:
            capability.call(*arguments, Context(capability.name, request, event=attributes, lease=lease))
    return write_response(None)


def _retried_on_error(work: Callable[[], flask.Response]) -> flask.Response:
    try:
        return work()
    except Malformed as error:
        log.warning("%s", error)
        return write_problem(Problem("invalid-request", str(error)))
    except Busy as error:
        return write_problem(Problem("in-progress", str(error)))
    except TRANSIENT as error:
        log.error("not handled, to be retried: %s", _one_line(error))
        return _to_be_retried(error)
    except Exception as error:
        # whatever it was, the event is not handled: the source shall send it again
        log.exception("not handled, to be retried")
        return _to_be_retried(error)


def _to_be_retried(error: Exception) -> flask.Response:
    # the detail travels with a dead letter, in a header
    detail = f"{type(error).__name__}: {_one_line(error)}"
    return write_problem(Problem("unavailable", detail[:500], headers={"Retry-After": "2"}))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
