"""Events and pings, delivered as a KafkaSource and a PingSource would."""

from functools import cache
from typing import Any

import msgspec
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from events.base import Event
from shared.ids import new_id
from shared.runtime.serve import create_app


@cache
def _app(capability: str) -> Any:
    return create_app(capability)


def deliver(capability: str, event: Event, event_id: str | None = None) -> TestResponse:
    """Delivers an event in binary mode; with the same `event_id`, the same event again."""
    client: FlaskClient = _app(capability).test_client()
    return client.post(
        "/",
        data=msgspec.json.encode(event),
        content_type="application/json",
        headers={
            "ce-specversion": "1.0",
            "ce-id": event_id or new_id(),
            "ce-source": "/wadi/test",
            "ce-type": event.type,
            "ce-subject": event.subject,
        },
    )


def ping(capability: str) -> TestResponse:
    client: FlaskClient = _app(capability).test_client()
    return client.post(
        "/",
        data=b"",
        headers={
            "ce-specversion": "1.0",
            "ce-id": new_id(),
            "ce-source": f"/apis/v1/namespaces/wadi/pingsources/{capability.replace('_', '-')}",
            "ce-type": "dev.knative.sources.ping",
        },
    )
