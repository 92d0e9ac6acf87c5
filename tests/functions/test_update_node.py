"""A node's weight and zone can be changed; the ring follows."""

from pathlib import Path

import pytest

from tests.conftest import Database, Wadi
from tests.functions.disks import Disks, fresh_disks
from tests.functions.people import assert_problem
from tests.functions.uploading import events


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def test_each_is_changed_by_itself(disks: Disks) -> None:
    epoch = disks.overview()["epoch"]
    answer = disks.update("node-1", weight=2.5)
    assert (answer.json["weight"], answer.json["zone"]) == (2.5, "")
    answer = disks.update("node-1", zone="cellar")
    assert (answer.json["weight"], answer.json["zone"]) == (2.5, "cellar")
    assert disks.overview()["epoch"] == epoch + 2


def test_no_change_is_none(disks: Disks) -> None:
    epoch = disks.overview()["epoch"]
    before = events(disks.database, "wadi.node.added", "node-1")
    assert disks.update("node-1", weight=1).status_code == 200
    assert disks.overview()["epoch"] == epoch
    assert events(disks.database, "wadi.node.added", "node-1") == before


@pytest.mark.parametrize("fields", [{"weight": -1}, {"weight": 1001}, {"weight": "2"}, {"zone": "x" * 101}])
def test_what_is_no_weight_or_zone_is_refused(disks: Disks, fields: dict[str, object]) -> None:
    assert_problem(disks.update("node-1", **fields), 400, "invalid-request")


def test_a_node_that_is_not_there(disks: Disks) -> None:
    assert_problem(disks.update("node-9", weight=1), 404, "not-found")
