"""Boxes on each transport, for the contract of delivery."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.contract.delivering import MakeBox, MakeKafkaBox, kafka_boxes, postgres_boxes
from tests.real import need


@pytest.fixture(params=["postgres", "kafka"])
def make_box(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[MakeBox]:
    if request.param == "postgres":
        yield from postgres_boxes(database, tmp_path)
    else:
        yield from kafka_boxes(database, tmp_path, need("kafka"))


@pytest.fixture
def make_kafka_box(database: Database, tmp_path: Path) -> Iterator[MakeKafkaBox]:
    yield from kafka_boxes(database, tmp_path, need("kafka"))
