"""A node that does not answer is suspect, then lost; it is trusted again when it is back."""

from pathlib import Path

import pytest

from tests.conftest import Database, Wadi
from tests.films.stored import store_bytes
from tests.functions.disks import Disks, check, fresh_disks
from tests.real import need


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def health(disks: Disks) -> dict[str, str]:
    return {node["id"]: node["health"] for node in disks.overview()["nodes"]}


OK = {"node-1": "ok", "node-2": "ok", "node-3": "ok"}


def test_nodes_that_answer_are_well_and_nothing_is_left_on_them(disks: Disks) -> None:
    epoch = disks.overview()["epoch"]
    check()
    check()
    assert health(disks) == OK
    assert disks.overview()["epoch"] == epoch
    assert all(files == {} for files in disks.files().values())


def test_a_node_that_is_gone_becomes_suspect_when_its_lease_ends(disks: Disks) -> None:
    check()
    with disks.unplugged("node-2"):
        check()
        assert health(disks) == OK
        disks.expire_leases()
        check()
        assert health(disks) == OK | {"node-2": "suspect"}
        for number in range(12):  # new objects go to the others
            key = store_bytes(f"videos/v/360p/{number}-0123abcd.m4s", b"new", "v")
            assert disks.recorded(key) <= {"node-1", "node-3"}
    check()
    assert health(disks) == OK


def test_a_suspect_node_is_lost_after_a_while(disks: Disks) -> None:
    check()
    with disks.unplugged("node-2"):
        disks.expire_leases()
        check()
        check()
        assert health(disks)["node-2"] == "suspect"
        disks.database.all("update node set suspect_since = now() - interval '31 minutes' where id = 'node-2'")
        check()
        assert health(disks)["node-2"] == "lost"
        assert disks.nodes().active() == {"node-1", "node-3"}
    check()
    assert health(disks) == OK
    assert disks.nodes().active() == OK.keys()


def test_no_node_is_lost_while_none_answers(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    check()
    monkeypatch.setenv("NODE_LOST_AFTER_SECONDS", "0")
    with disks.unplugged("node-1"):
        away = disks.folder.parent / "all-away"
        disks.folder.rename(away)
        disks.expire_leases()
        check()
        check()
        away.rename(disks.folder)
    assert set(health(disks).values()) == {"suspect"}


def test_another_disk_in_its_place_is_not_the_node(disks: Disks) -> None:
    check()
    node = disks.folder / "b" / "node.json"
    node.write_text(node.read_text().replace("node-2", "node-9"))
    disks.expire_leases()
    check()
    assert health(disks)["node-2"] == "suspect"


def test_with_etcd_away_those_that_answer_stay_well(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_ENDPOINTS", "127.0.0.1:9")
    with disks.unplugged("node-3"):
        check()
        assert health(disks) == OK | {"node-3": "suspect"}


def test_etcd_keeps_the_leases(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_ENDPOINTS", need("etcd"))
    monkeypatch.setenv("ETCD_PREFIX", f"test-{disks.admin.user_id}")
    check()
    assert disks.database.all("select * from node_lease") == []
    with disks.unplugged("node-3"):
        check()
        assert health(disks) == OK  # its lease in etcd goes on for a while


def test_directories_that_became_nodes_later_are_served(disks: Disks) -> None:
    from shared.storage.nodes.location import local_stores

    new = disks.add("d")
    assert new in local_stores()
    disks.remove(new, "?force=true")
    check()
    assert new not in local_stores()
