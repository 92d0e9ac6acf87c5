"""The functions for tests behind the WSGI app that serves every function, and what is sent to them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from events import Event, VideoFailed
from shared.ids import new_id
from shared.runtime.serve import create_app

FUNCTIONS = Path(__file__).parent / "functions_for_tests"


@cache
def _app(name: str) -> Any:
    return create_app(name, FUNCTIONS / f"{name}.py")


def client(name: str) -> FlaskClient:
    test_client: FlaskClient = _app(name).test_client()
    return test_client


def attributes(event: Event, event_id: str | None = None) -> dict[str, str]:
    return {"specversion": "1.0", "id": event_id or new_id(), "source": "/tests", "type": event.type}


def binary(event: Event, event_id: str | None = None) -> dict[str, Any]:
    """Headers and body of an event in binary mode, as keywords for a client's post."""
    headers = {f"ce-{name}": value for name, value in attributes(event, event_id).items()}
    return {"headers": headers, "json": data(event)}


def structured(event: Event, event_id: str | None = None, **changed: Any) -> dict[str, Any]:
    """The same in structured mode; an attribute that is changed to None is left out."""
    whole = {**attributes(event, event_id), "data": data(event), **changed}
    body = json.dumps({name: value for name, value in whole.items() if value is not None})
    return {"headers": {"Content-Type": "application/cloudevents+json"}, "data": body}


def data(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def deliver(name: str, script: str, thing: str, event_id: str | None = None) -> TestResponse:
    """One delivery to a function for tests: `script` is what it shall do, `thing` what its notes are about."""
    return client(name).post("/", **binary(VideoFailed(thing, script), event_id))


def assert_problem(answer: TestResponse, status: int, slug: str) -> dict[str, Any]:
    """The answer is RFC 9457 problem+json of this kind; its members."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert (problem["type"], problem["status"]) == (f"/problems/{slug}", status)
    assert problem["title"]
    assert problem["detail"]
    return problem
