"""What every event that we produce must be: CloudEvents 1.0, and what its schema in events/schemas says."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from events import EVENTS, data_schema

SCHEMAS = Path(__file__).resolve().parents[2] / "events" / "schemas"
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
ATTRIBUTES = {
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "partitionkey",
    "traceparent",
}


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


# What an event is about and is kept in order by, where it is not the video.
SUBJECTS = {
    "wadi.segment.planned": "{video_id}/{index}",
    "wadi.segment.prioritized": "{video_id}/{index}",
    "wadi.audio.planned": "{video_id}/{rendition}",
    "wadi.node.added": "{node_id}",
    "wadi.node.removed": "{node_id}",
    "wadi.object.repaired": "{object_key}",
    "wadi.object.lost": "{object_key}",
    "wadi.scrub.asked": "scrub",
}


def assert_valid(event: dict[str, Any]) -> None:
    """The whole contract of one event in JSON form."""
    kind = event["type"]
    assert event.keys() == ATTRIBUTES | {"data"}
    assert all(isinstance(event[name], str) and event[name] for name in ATTRIBUTES)
    assert event["specversion"] == "1.0"
    assert event["datacontenttype"] == "application/json"
    assert re.fullmatch(r"/wadi/[a-z-]+", event["source"])
    assert event["dataschema"] == data_schema(EVENTS[kind])
    assert TRACEPARENT.fullmatch(event["traceparent"])
    age = datetime.now(UTC) - datetime.fromisoformat(event["time"])
    assert timedelta(seconds=-5) < age < timedelta(hours=1)
    _validator(kind).validate(event["data"])
    assert event["subject"] == event["partitionkey"] == SUBJECTS.get(kind, "{video_id}").format(**event["data"])
