"""docs/openapi.json says of every route what the code does. Answers are held to its schemas by test_query_plans.py."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.runtime.access import Access
from tests.openapi import document, operation
from tests.routes import ROUTES


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_documented(route: str) -> None:
    capability, found = ROUTES[route], operation(route)
    assert found["operationId"] == capability.name
    assert found["summary"]
    in_path = {each["name"] for each in found["parameters"] if each["in"] == "path" and each["required"]}
    assert in_path == set(re.findall(r"\{(\w+)\}", capability.route.template))
    assert ("security" in found) == (capability.access not in (Access.ANYONE, Access.PUBLIC))
    assert len(found["responses"]) == 2, "what it answers, and a problem"


def test_no_other_route_is_documented() -> None:
    documented = {f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item}
    assert documented == ROUTES.keys()


def references(part: Any) -> Iterator[str]:
    match part:
        case dict():
            for name, value in part.items():
                if name == "$ref":
                    yield value
                else:
                    yield from references(value)
        case list():
            for value in part:
                yield from references(value)


def test_every_reference_leads_to_a_schema_with_a_plain_name() -> None:
    schemas = document()["components"]["schemas"]
    named = {reference.removeprefix("#/components/schemas/") for reference in references(document())}
    assert named - schemas.keys() == set()
    assert [name for name in schemas if not name.isidentifier()] == [], "msgspec names two of one name by their modules"
