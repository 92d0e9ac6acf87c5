"""A CloudEvent as a Kafka record and back (CloudEvents Kafka binding 1.0.2).

We write binary mode: attributes as ce_ headers, the data as the value, the partitionkey as the record's key. A Knative
KafkaSource passes such a record on unchanged. We read structured mode too, since any system may publish.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

NOT_ATTRIBUTES = {"data", "data_base64", "datacontenttype"}
REQUIRED = ("id", "source", "type", "specversion")

Headers = Iterable[tuple[str, bytes | None]]


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def to_record(event: Mapping[str, Any]) -> Record:
    """The record of an event in JSON form."""
    headers = [
        (f"ce_{name}", str(value).encode())
        for name, value in event.items()
        if name not in NOT_ATTRIBUTES and value is not None
    ]
    headers.append(("content-type", str(event.get("datacontenttype") or "application/json").encode()))
    value = json.dumps(event.get("data"), ensure_ascii=False, separators=(",", ":")).encode()
    return Record(str(event["partitionkey"]).encode(), value, headers)


def from_record(value: bytes | None, headers: Headers) -> dict[str, Any] | None:
    """The event of a record in JSON form, its data as the bytes they are; None when it is no CloudEvent."""
    texts = {name.lower(): (content or b"").decode(errors="replace") for name, content in headers}
    content_type = texts.get("content-type", "")
    if content_type.lower().startswith("application/cloudevents"):
        return _structured(value)
    event: dict[str, Any] = {name[3:]: text for name, text in texts.items() if name.startswith("ce_")}
    if not all(event.get(name) for name in REQUIRED):
        return None
    if content_type:
        event["datacontenttype"] = content_type
    return event | _data(value)


def _structured(value: bytes | None) -> dict[str, Any] | None:
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and all(event.get(name) for name in REQUIRED)
    return event if whole else None


def foreign(source: str, topic: str, location: str, key: bytes | None, value: bytes | None) -> dict[str, Any]:
    """What a KafkaSource makes of a record that is no CloudEvent."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": location,
        "source": f"/apis/v1/namespaces/wadi/kafkasources/{source}#{topic}",
        "type": "dev.knative.kafka.event",
        "subject": location,
        "datacontenttype": "application/octet-stream",
    }
    if key is not None:
        event["key"] = key.decode(errors="replace")
    return event | _data(value)


def _data(value: bytes | None) -> dict[str, Any]:
    return {} if value is None else {"data_base64": base64.b64encode(value).decode()}
