"""The types that the public contracts name: what is a name in a schema belongs to one type."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from events import EVENTS, Event
from tools.generate.errors import GenerateError


def check_names(kinds: Iterable[type], document: str) -> None:
    """Raises GenerateError when two types that `document` names, nested ones included, have one name.

    msgspec would name both by their modules instead, which renames the schema of the older one for every client.
    """
    first: dict[str, type] = {}
    for kind in _with_nested(kinds):
        same = first.setdefault(kind.__name__, kind)
        if same is not kind:
            raise GenerateError(
                f"Two payloads are named {kind.__name__}: in {same.__module__} and in {kind.__module__}."
                f" The name is public ({document}): rename the newer one."
            )


def check_events() -> None:
    """Raises GenerateError for an event that is not in the catalogue: EVENTS holds the last of several of one type."""
    for kind in _declared_events():
        if wrong := _wrong_event(kind):
            raise GenerateError(f"{kind.__module__}.{kind.__name__} {wrong}")
    check_names(EVENTS.values(), "events/asyncapi.json")


def _wrong_event(kind: type[Event]) -> str | None:
    """What is wrong with an event, in the rest of a sentence."""
    name = getattr(kind, "type", None)
    if name is None:
        return "has no type: give it one, such as wadi.video.ready."
    known = EVENTS.get(name)
    if known is None:
        return "is not in EVENTS: add it in events/__init__.py."
    if known is not kind:
        return f"and {known.__module__}.{known.__name__} both have the type {name}: a type is one event, so change one."
    return None


def _with_nested(kinds: Iterable[type]) -> Iterator[type]:
    """The types, and the named types of their fields, each once."""
    seen: set[type] = set()
    ahead: deque[Any] = deque(msgspec.inspect.multi_type_info(list(kinds)))
    while ahead:
        at = ahead.popleft()
        kind = getattr(at, "cls", None)
        if kind is not None:
            if kind in seen:
                continue
            seen.add(kind)
            yield kind
        ahead += _below(at)


def _below(at: Any) -> Iterator[Any]:
    """The types that a type of msgspec.inspect is made of."""
    for name in getattr(at, "__struct_fields__", ()):
        value = getattr(at, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, msgspec.inspect.Field):
                yield each.type
            elif isinstance(each, msgspec.inspect.Type):
                yield each


def _declared_events(base: type[Event] = Event) -> Iterator[type[Event]]:
    """The events of the package events; a class that others are made from is none itself."""
    for kind in base.__subclasses__():
        if kind.__subclasses__():
            yield from _declared_events(kind)
        elif kind.__module__.startswith("events."):
            yield kind
