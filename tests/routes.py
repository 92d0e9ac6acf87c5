"""Every route, from the code, and requests for each: what tests of roles, plans, limits and OpenAPI are made from.

A new route needs nothing here. What a request holds follows from the types of its fields; only what a type does not
tell (the id of a thing of a new kind, words to search for) is named, and what is missing is asked for in one sentence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec import inspect

from shared.runtime.http import BODY_METHODS
from tests.collecting import collected
from tools.generate.capabilities import http_capabilities

ROUTES = {f"{each.route.method} {each.route.template}": each for each in collected(http_capabilities)}

# Values of fields in the query that their types do not tell.
EXAMPLES: dict[str, dict[str, str]] = {
    "GET /api/objects": {"key": "videos/unknown", "expires": "0", "signature": "none"},
    "GET /api/search": {"q": "rain"},
    "GET /api/videos/{id}/segments": {"rendition": "360p"},
}
CURSOR = "cursor"  # `next` of the page before


def path(route: str, things: Mapping[str, str]) -> str:
    """The path of a request: each {field} is the thing named after the part before it, as in /api/videos/{id}."""
    parts: list[str] = []
    for part in ROUTES[route].route.template.split("/"):
        if part.startswith("{"):
            if parts[-1] not in things:
                pytest.fail(f"{route}: name one of {parts[-1]!r} in the fixture `things` of this test.", pytrace=False)
            part = things[parts[-1]]
        parts.append(part)
    return "/".join(parts)


def query(route: str, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a request of the route cannot go without in its query."""
    values = EXAMPLES.get(route, {}) | dict(known or {})
    return {field.name: _values(route, field, values)[0] for field in _fields(route) if field.required}


def queries(route: str, known: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """The least query of the route, then one for each value of each field that may be left out: every choice, the
    largest number. `known` are values that the types do not tell."""
    least = query(route, known)
    yield least
    values = EXAMPLES.get(route, {}) | dict(known or {})
    for field in _fields(route):
        if not field.required and field.name != CURSOR:
            for value in _values(route, field, values):
                yield least | {field.name: value}


def body(route: str) -> dict[str, Any]:
    """What a request of the route cannot go without in its body."""
    if ROUTES[route].route.method not in BODY_METHODS:
        return {}
    return {field.name: _FILLING[type(field.type)] for field in _all_fields(route) if field.required}


_FILLING: dict[type[inspect.Type], Any] = {inspect.StrType: "Hello", inspect.IntType: 1, inspect.ListType: []}


def _fields(route: str) -> list[inspect.Field]:
    """The fields of the query."""
    return _all_fields(route) if ROUTES[route].route.method not in BODY_METHODS else []


def _all_fields(route: str) -> list[inspect.Field]:
    """The fields that are not in the path."""
    capability = ROUTES[route]
    if capability.request is None:
        return []
    info = inspect.type_info(capability.request)
    assert isinstance(info, inspect.StructType)
    in_path = re.findall(r"\{(\w+)\}", capability.route.template)
    return [field for field in info.fields if field.name not in in_path]


def _values(route: str, field: inspect.Field, known: Mapping[str, str]) -> list[str]:
    if field.name in known:
        return [known[field.name]]
    found = list(_of_type(field.type))
    if not found:
        pytest.fail(
            f"{route}: give an example of the field {field.name!r} in EXAMPLES of tests/routes.py.", pytrace=False
        )
    return found


def _of_type(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.IntType():
            yield str(kind.le if kind.le is not None else kind.ge or 1)
        case inspect.BoolType():
            yield from ("true", "false")
        case inspect.LiteralType():
            yield from (str(value) for value in kind.values)
        case inspect.EnumType():
            yield from (str(value.value) for value in kind.cls)
        case inspect.UnionType():
            for each in kind.types:
                yield from _of_type(each)
