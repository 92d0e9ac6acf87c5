"""events/schemas/<type>.json and events/asyncapi.json: the event contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from events import EVENTS, Event, data_schema
from tools.generate.errors import GenerateError, shown
from tools.generate.manifests import field, manifests, of_kind


def schemas() -> Iterator[tuple[str, str]]:
    """File name and text of each event's JSON Schema."""
    for kind in EVENTS.values():
        yield f"{kind.type}.json", json.dumps(_schema(kind), indent=2) + "\n"


def asyncapi() -> str:
    """The catalogue: every topic, what is in it, and who reads it."""
    read_by = readers()
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wadi events",
            "version": "1",
            "description": "CloudEvents 1.0. Topic = type. Anyone may subscribe with a consumer group of theirs.",
        },
        "defaultContentType": "application/json",
        "channels": {
            kind.type: {"address": kind.type, "messages": {kind.__name__: _message(kind)}} for kind in EVENTS.values()
        },
        "operations": {
            f"{kind.type}.receive": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{kind.type}"},
                "summary": "Read by " + (", ".join(read_by[kind.type]) or "nobody yet") + ".",
            }
            for kind in EVENTS.values()
        },
    }
    return json.dumps(document, indent=2) + "\n"


def readers() -> dict[str, list[str]]:
    """Who reads each topic, as the KafkaSources say. Raises GenerateError for a topic of no event."""
    found: dict[str, list[str]] = {name: [] for name in EVENTS}
    for file in manifests():
        for source in of_kind(file, "KafkaSource"):
            for topic in field(file, source, "spec.topics"):
                if topic not in found:
                    raise GenerateError(f"{shown(file)}: no event of events/__init__.py has the type {topic}.")
                found[topic].append(field(file, source, "metadata.name"))
    return found


def _message(kind: type[Event]) -> dict[str, Any]:
    attributes = {
        "type": {"const": kind.type},
        "dataschema": {"const": data_schema(kind)},
        "partitionkey": {"type": "string"},
        "traceparent": {"type": "string"},
    }
    return {
        "name": kind.type,
        "summary": " ".join((kind.__doc__ or "").split()),
        "headers": {"type": "object", "properties": {f"ce_{name}": form for name, form in attributes.items()}},
        "payload": {"$ref": f"schemas/{kind.type}.json"},
    }


def _schema(kind: type[Event]) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)
    shape = schema["$defs"][kind.__name__]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": data_schema(kind), **shape}


def folder(root: Path) -> Path:
    return root / "events" / "schemas"
