"""What is generated is what the code says today."""

import pytest

from events import EVENTS
from tools.generate.capabilities import ROOT
from tools.generate.events import folder
from tools.generate.files import generated


@pytest.mark.parametrize("file", sorted(generated()), ids=lambda file: file.name)
def test_is_not_stale(file):
    assert file.exists(), f"run ./task generate: {file.relative_to(ROOT)} is missing"
    assert file.read_text() == generated()[file], f"run ./task generate: {file.relative_to(ROOT)} is stale"


def test_no_schema_is_left_over():
    assert {file.stem for file in folder(ROOT).glob("*.json")} == set(EVENTS)
