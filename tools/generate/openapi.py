"""docs/openapi.json: the HTTP API in OpenAPI 3.1."""

import json
import sys
from typing import Any, get_args

import msgspec

from shared.errors import PROBLEMS
from shared.runtime.capability import HttpCapability
from shared.runtime.http import BODY_METHODS, Accepted, Created, Encoded, Response
from tools.generate.capabilities import domain_of, http_capabilities
from tools.generate.declarations import is_struct
from tools.generate.payloads import check_names

REF = "#/components/schemas/{name}"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `type` is stable: " + ", ".join(f"/problems/{slug}" for slug in PROBLEMS),
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}


def openapi() -> str:
    found = http_capabilities()
    payloads = [each.request for each in found if each.request] + [_answer(each)[1] for each in found]
    types: list[type] = [kind for kind in payloads if is_struct(kind)]
    check_names(types, "docs/openapi.json")
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in found:
        operation = _operation(each, by_type, components)
        paths.setdefault(each.route.template, {})[each.route.method.lower()] = operation
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Wadi", "version": "1", "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _operation(
    capability: HttpCapability, by_type: dict[Any, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    status, answer = _answer(capability)
    in_path = [part[1:-1] for part in capability.route.template.split("/") if part.startswith("{")]
    operation: dict[str, Any] = {
        "operationId": capability.name,
        "tags": [domain_of(capability.name)],
        "summary": _summary(capability),
        "parameters": [],
        "responses": {
            status: {"description": "as asked"},
            "default": {
                "description": "a problem",
                "content": {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}},
            },
        },
    }
    if is_struct(answer):
        operation["responses"][status]["content"] = {"application/json": {"schema": by_type[answer]}}
    if role := capability.access.role:
        operation["security"] = [{"token": []}]
        operation["description"] = f"Needs the role {role.name}."
    if capability.request is None:
        return operation
    shape = components[capability.request.__name__]
    in_body = capability.route.method in BODY_METHODS and not capability.raw_body
    for name, schema in shape["properties"].items():
        if name in in_path or not in_body:
            place = "path" if name in in_path else "query"
            required = name in in_path or name in shape.get("required", [])
            operation["parameters"].append({"name": name, "in": place, "required": required, "schema": schema})
    body = {name: schema for name, schema in shape["properties"].items() if name not in in_path}
    if capability.raw_body:
        content: dict[str, Any] = {"application/octet-stream": {}, "multipart/form-data": {}}
        operation["requestBody"] = {"required": True, "content": content}
    elif in_body and body:
        required_fields = [name for name in shape.get("required", []) if name in body]
        schema = {"type": "object", "properties": body, "required": required_fields}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _answer(capability: HttpCapability) -> tuple[str, Any]:
    """The status, and the Struct in the body, if it is one."""
    answer = capability.answer
    if answer is type(None) or answer is None:
        return "204", None
    if answer is Response:
        return "200", None
    for wrapper, status in ((Created, "201"), (Accepted, "202"), (Encoded, "200")):
        if getattr(answer, "__origin__", answer) is wrapper:
            return status, next(iter(get_args(answer)), None)
    return "200", answer


def _summary(capability: HttpCapability) -> str:
    doc = sys.modules[capability.call.__module__].__doc__ or ""
    return " ".join(doc.split("\n\n")[0].split())
