"""docs/openapi.json, and whether an answer is what it says."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
from werkzeug.test import TestResponse

from tests.routes import ROUTES
from tools.generate.errors import ROOT

Json = dict[str, Any]


@cache
def document() -> Json:
    """docs/openapi.json; callers do not change it."""
    found: Json = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return found


def operation(route: str) -> Json:
    """What the document says of a route."""
    capability = ROUTES[route]
    found: Json = document()["paths"].get(capability.route.template, {}).get(capability.route.method.lower())
    if not found:
        pytest.fail(f"run ./task generate: docs/openapi.json is stale, {route} is missing", pytrace=False)
    return found


def assert_as_documented(route: str, answer: TestResponse) -> None:
    """A JSON answer has the schema that the document gives for it."""
    content = operation(route)["responses"].get(str(answer.status_code), {}).get("content", {})
    if "application/json" not in content:
        assert not answer.is_json, f"{route} answers JSON, of which the document says nothing"
        return
    schema = content["application/json"]["schema"] | {"components": document()["components"]}
    jsonschema.validate(answer.json, schema, jsonschema.Draft202012Validator)
