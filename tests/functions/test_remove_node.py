"""A node goes when what it holds has another place; else the answer says how much has none."""

from pathlib import Path

import pytest

from tests.conftest import Database, Wadi
from tests.functions.disks import Disks, fresh_disks, rebalance
from tests.functions.people import assert_problem
from tests.functions.uploading import events


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def test_a_node_is_emptied_first(disks: Disks) -> None:
    new = disks.add("d")
    disks.store(4)
    seen = len(events(disks.database, "wadi.node.removed", new))
    for _ in range(2):  # asked twice is as once
        answer = disks.remove(new)
        assert (answer.status_code, answer.json["state"]) == (202, "draining")
    assert len(events(disks.database, "wadi.node.removed", new)) == seen + 1
    assert new not in disks.nodes().active()
    assert disks.node(new)["share"] == 0


def test_fewer_nodes_than_replicas_are_refused_with_their_number(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    disks.store(7)
    problem = assert_problem(disks.remove("node-1"), 409, "replicas-at-risk")
    assert problem["replicas"] == 7
    assert "7 replicas on node-1" in problem["detail"]
    assert "REPLICATION_FACTOR=2" in problem["detail"]
    assert disks.node("node-1")["state"] == "active"
    monkeypatch.setenv("REPLICATION_FACTOR", "2")
    assert disks.remove("node-1").status_code == 202
    rebalance()
    disks.assert_settled(2)


def test_an_empty_node_may_go_however_few_are_left(disks: Disks) -> None:
    assert disks.remove("node-1").status_code == 202


def test_without_room_on_the_others_it_stays(disks: Disks) -> None:
    """More bytes on record than any disk of this machine has free."""
    disks.add("d")
    disks.database.all("insert into object (key, size, sha256) values ('videos/v/big', %s, 'x')", (1 << 60,))
    disks.database.all("insert into replica (object_key, node_id) values ('videos/v/big', 'node-1')")
    problem = assert_problem(disks.remove("node-1"), 409, "replicas-at-risk")
    assert problem["replicas"] == 1
    assert str(1 << 60) in problem["detail"]


def put_shard(disks: Disks, number: int) -> None:
    """On record only."""
    disks.database.all(
        "insert into shard (object_key, number, node_id, size, sha256, key) values ('videos/v/x', %s, %s, 1, 'x', %s)",
        (number, f"node-{number + 1}", f"videos/v/x.{number}"),
    )


def test_shards_without_another_node_are_refused(disks: Disks) -> None:
    for name in "def":
        disks.add(name)
    disks.database.all("insert into object (key, size, sha256) values ('videos/v/x', 10, 'x')")
    for number in range(6):
        put_shard(disks, number)
    problem = assert_problem(disks.remove("node-1"), 409, "replicas-at-risk")
    assert problem["replicas"] == 1
    assert "shards" in problem["detail"]
    disks.add("g")
    assert disks.remove("node-1").status_code == 202


def test_what_would_be_lost_has_to_be_given_up_by_number(disks: Disks) -> None:
    disks.store(6)
    for key in list(disks.contents)[:2]:
        disks.database.all("delete from replica where object_key = %s and node_id <> 'node-1'", (key,))
    problem = assert_problem(disks.remove("node-1", "?force=true"), 409, "replicas-at-risk")
    assert problem["replicas"] == 2
    assert_problem(disks.remove("node-1", "?force=true&lose=1"), 409, "replicas-at-risk")
    assert disks.remove("node-1", "?force=true&lose=2").status_code == 202


def test_shards_of_which_four_are_left_are_not_lost(disks: Disks) -> None:
    for name in "def":
        disks.add(name)
    disks.database.all("insert into object (key, size, sha256) values ('videos/v/x', 10, 'x')")
    for number in range(4):
        put_shard(disks, number)
    assert assert_problem(disks.remove("node-1", "?force=true"), 409, "replicas-at-risk")["replicas"] == 1
    put_shard(disks, 4)
    assert disks.remove("node-1", "?force=true").status_code == 202


def test_a_node_that_is_not_there_any_more(disks: Disks) -> None:
    assert_problem(disks.remove("node-9"), 404, "not-found")
    assert disks.remove("node-1", "?force=true").status_code == 202
    assert_problem(disks.remove("node-1"), 404, "not-found")
