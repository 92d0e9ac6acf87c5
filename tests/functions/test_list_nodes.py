"""What an administrator sees of the nodes."""

from pathlib import Path

import pytest

from tests.conftest import Database, Wadi
from tests.functions.disks import Disks, fresh_disks, rebalance


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def test_usage_is_that_of_the_disks(disks: Disks) -> None:
    disks.store(10)
    rebalance()
    seen = disks.overview()
    for node in seen["nodes"]:
        files = disks.files()[node["id"]]
        assert (node["objects"], node["bytes"]) == (len(files), sum(map(len, files.values())))
        assert node["free"] > 0
        assert node["share"] == pytest.approx(1 / 3)
        assert (node["kind"], node["state"], node["health"], node["shards"]) == ("directory", "active", "ok", 0)
    assert [node["location"] for node in seen["nodes"]] == [str(disks.folder / name) for name in "abc"]
    assert seen["rebalance"]["state"] == "idle"


def test_shards_are_usage_too(disks: Disks) -> None:
    disks.database.all("insert into object (key, size, sha256) values ('videos/v/x', 10, 'x')")
    disks.database.all(
        "insert into shard (object_key, number, node_id, size, sha256, key)"
        " values ('videos/v/x', 0, 'node-1', 7, 'x', 'videos/v/x.0')"
    )
    node = disks.node("node-1")
    assert (node["objects"], node["shards"], node["bytes"]) == (0, 1, 7)


def test_the_share_follows_the_weight(disks: Disks) -> None:
    disks.update("node-1", weight=2)
    assert [node["share"] for node in disks.overview()["nodes"]] == [0.5, 0.25, 0.25]


def test_a_change_of_the_nodes_shows_as_work_to_do(disks: Disks) -> None:
    disks.store(3)
    rebalance()
    before = disks.overview()
    disks.add("d")
    after = disks.overview()
    assert after["epoch"] > before["epoch"]
    assert (before["rebalance"]["state"], after["rebalance"]["state"]) == ("idle", "running")


def test_a_node_without_a_disk_is_still_listed(disks: Disks) -> None:
    with disks.unplugged("node-1"):
        node = disks.node("node-1")
    assert node["free"] is None


def test_a_removed_node_is_shown_while_replicas_are_on_record_there(disks: Disks) -> None:
    disks.add("d")
    disks.store(3)
    disks.remove("node-1", "?force=true")
    assert disks.node("node-1")["state"] == "removed"
    rebalance()
    assert "node-1" not in {node["id"] for node in disks.overview()["nodes"]}
