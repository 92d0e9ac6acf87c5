"""What is generated is what the code says today."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from events import EVENTS
from tests.collecting import collected
from tests.conftest import Database
from tools.generate.errors import ROOT, GenerateError, shown
from tools.generate.events import folder
from tools.generate.files import generated
from tools.generate.schema import FILE as SCHEMA
from tools.generate.schema import schema

GENERATED = collected(generated)


@pytest.mark.parametrize("file", sorted(GENERATED), ids=lambda file: file.name)
def test_is_not_stale(file: Path) -> None:
    assert file.exists(), f"run ./task generate: {shown(file)} is missing"
    assert file.read_text() == GENERATED[file], f"run ./task generate: {shown(file)} is stale"


def test_the_page_of_the_database_is_not_stale(database: Database) -> None:
    assert SCHEMA.exists(), "run ./task generate: docs/schema.md is missing"
    assert SCHEMA.read_text() == schema(database.url), "run ./task generate: docs/schema.md is stale"


@pytest.fixture
def stray(database: Database) -> Iterator[Database]:
    database.all("create table stray (id text)")
    yield database
    database.all("drop table stray")


@pytest.mark.parametrize("comment", ["null", "'A thing.'", "'nobody: A thing.'"])
def test_a_table_without_an_owner_is_refused(stray: Database, comment: str) -> None:
    stray.all(f"comment on table stray is {comment}")
    with pytest.raises(GenerateError, match="The comment of the table stray must begin with its owner"):
        schema(stray.url)


def test_no_schema_is_left_over() -> None:
    assert {file.stem for file in folder(ROOT).glob("*.json")} == set(EVENTS)
