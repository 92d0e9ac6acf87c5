"""What is generated is what the code says today."""

from pathlib import Path

import pytest

from events import EVENTS
from tests.collecting import collected
from tools.generate.errors import ROOT, shown
from tools.generate.events import folder
from tools.generate.files import generated

GENERATED = collected(generated)


@pytest.mark.parametrize("file", sorted(GENERATED), ids=lambda file: file.name)
def test_is_not_stale(file: Path) -> None:
    assert file.exists(), f"run ./task generate: {shown(file)} is missing"
    assert file.read_text() == GENERATED[file], f"run ./task generate: {shown(file)} is stale"


def test_no_schema_is_left_over() -> None:
    assert {file.stem for file in folder(ROOT).glob("*.json")} == set(EVENTS)
