"""docs/api.md: the HTTP API of docs/openapi.json for people, as Markdown that needs no viewer and no network."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from shared.errors import PROBLEMS
from tools.generate.openapi import openapi

HEAD = """# HTTP API
This page is generated from the code by `./task generate`. The same in OpenAPI 3.1, for client generators
and viewers: [openapi.json](openapi.json).

- Bodies and answers are JSON in UTF-8. An access token is sent as `Authorization: Bearer TOKEN`.
- Roles: ADMIN includes CREATOR, and CREATOR includes USER. A route without a role needs no token.
- A list is read page by page: send the `next_cursor` of one page as `cursor` to get the next one.

"""

ERRORS = """## Errors
An error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). `type` is
stable and meant for programs; `detail` is one sentence for people.

| status | `type` | title |
|---|---|---|
"""

Schema = dict[str, Any]


def api_page() -> str:
    document = json.loads(openapi())
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append("".join(_operation(method.upper(), path, operation)))
    sections = (f"## {tag.capitalize()}\n{''.join(by_tag[tag])}" for tag in sorted(by_tag))
    return f"{HEAD}{''.join(sections)}{''.join(_errors())}\n{''.join(_schemas(document['components']['schemas']))}"


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### {method} {path}\n\n{_wrapped(operation['summary'])}\n\n"
    yield f"- Operation: `{operation['operationId']}`\n"
    if "description" in operation:
        yield f"- {operation['description']}\n"
    for parameter in operation["parameters"]:
        needed = ", required" if parameter["required"] else ""
        yield f"- In the {parameter['in']}: `{parameter['name']}`, {_kind(parameter['schema'])}{needed}\n"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"- Body: `{media}`\n"
        schema = content.get("schema", {})
        for name, field in schema.get("properties", {}).items():
            needed = ", required" if name in schema.get("required", ()) else ""
            yield f"    - `{name}`, {_kind(field)}{needed}\n"
    status, answer = next(iter(operation["responses"].items()))
    body = answer.get("content", {}).get("application/json", {}).get("schema")
    yield f"- Answer: {status}{', ' + _kind(body) if body else ''}\n\n"


def _errors() -> Iterator[str]:
    yield ERRORS
    for slug, problem in PROBLEMS.items():
        yield f"| {problem.status} | `/problems/{slug}` | {problem.title} |\n"


def _schemas(schemas: dict[str, Schema]) -> Iterator[str]:
    """The objects that bodies and answers refer to; the fields of a body itself stand where it is sent."""
    yield "## Objects\n"
    reached = _reached(schemas)
    for name in sorted(reached):
        schema = schemas[name]
        yield f"### {name}\n\n"
        if "enum" in schema:
            yield f"One of {', '.join(f'`{value}`' for value in schema['enum'])}.\n\n"
            continue
        for field, kind in schema.get("properties", {}).items():
            optional = "" if field in schema.get("required", ()) else ", may be missing"
            yield f"- `{field}`, {_kind(kind)}{optional}\n"
        yield "\n"


def _reached(schemas: dict[str, Schema]) -> set[str]:
    """The names of the schemas that some body or answer leads to."""
    paths = json.loads(openapi())["paths"]
    waiting = [
        name
        for methods in paths.values()
        for operation in methods.values()
        for name in _references([operation["responses"], operation.get("requestBody")])
    ]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _references(schemas[name])
    return reached


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


def _kind(schema: Schema) -> str:
    """A JSON Schema in some words: "integer, 1 to 100, default 20"."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        words = " or ".join(_kind(each) for each in schema["anyOf"])
    elif "enum" in schema:
        words = " or ".join(f"`{value}`" for value in schema["enum"])
    elif schema.get("type") == "array":
        words = f"array of {_kind(schema.get('items', {}))}"
    elif isinstance(schema.get("additionalProperties"), dict):
        words = f"object of {_kind(schema['additionalProperties'])}"
    else:
        words = str(schema.get("type", "any JSON"))
    return words + _bounds(schema)


def _bounds(schema: Schema) -> str:
    words = ""
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    unit = " characters" if "minLength" in schema or "maxLength" in schema else ""
    if low is not None and high is not None:
        words += f", {low} to {high}{unit}"
    elif low is not None:
        words += f", at least {low}{unit}"
    elif high is not None:
        words += f", at most {high}{unit}"
    if schema.get("default") not in (None, [], {}):
        words += f", default `{json.dumps(schema['default'])}`"
    return words


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)
