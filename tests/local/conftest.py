"""Boxes for tests: each has its own data directory, and is down when the test ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.local.box import Box
from tests.local.yaml_files import write

MakeBox = Callable[..., Box]


@pytest.fixture
def make_box(database: Database, tmp_path: Path) -> Iterator[MakeBox]:
    """make_box(resources, routes, **settings) -> a box that is not up yet, on an empty database."""
    database.all("truncate topic_record, consumer_offset, delivery restart identity")
    boxes: list[Box] = []

    def make(resources: list[dict[str, Any]], routes: list[dict[str, Any]] | None = None, **settings: str) -> Box:
        number = len(boxes)
        root = write(tmp_path / f"root-{number}", resources, routes or [])
        boxes.append(Box(root, tmp_path / f"data-{number}", database.url, **settings))
        return boxes[-1]

    yield make
    for box in boxes:
        box.down()
