"""docs/events.md: every event for people, with what wakes on it."""

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from events import EVENTS, Event, data_schema
from tools.generate.events import readers

HEAD = """# Events
This page is generated from the code by `./task generate`. The same for programs:
[asyncapi.json](../events/asyncapi.json), and a JSON Schema of each payload in
[events/schemas](../events/schemas).

Every event is a [CloudEvent 1.0](https://cloudevents.io). Its `type` is also the name of its topic,
`subject` is what it is about, and `partitionkey` decides the order: events of one key stay in order.
Delivery is at least once, so a consumer sees an event twice now and then: `source` and `id` together are the
same then. How to subscribe from another system, and how to send events:
[Events, Kafka or a Broker](deploy/events.md#other-systems).

"""


def events_page() -> str:
    woken = readers()
    return (HEAD + "".join("".join(_event(kind, woken[kind.type])) for kind in EVENTS.values())).rstrip("\n") + "\n"


def _event(kind: type[Event], functions: list[str]) -> Iterator[str]:
    yield f"## {kind.type}\n"
    yield textwrap.fill(" ".join((kind.__doc__ or "").split()), 110, break_on_hyphens=False) + "\n\n"
    yield f"- `dataschema`: `{data_schema(kind)}`\n"
    yield f"- Wakes: {', '.join(f'`{name}`' for name in functions) or 'no function; it is for other systems'}\n"
    shape = msgspec.json.schema(kind)["$defs"][kind.__name__]
    for name, field in shape["properties"].items():
        yield f"- `{name}`: {_kind(field)}\n"
    yield "\n"


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"array of {_kind(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    return str(schema.get("type", "any JSON"))
