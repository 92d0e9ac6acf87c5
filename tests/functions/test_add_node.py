"""A place becomes a node when it works, and is no node and in no node already."""

from pathlib import Path

import pytest

from shared.objects.directory import identity
from tests.buckets import buckets, keys
from tests.conftest import Database, Wadi
from tests.functions.disks import Disks, fresh_disks, rebalance
from tests.functions.people import assert_problem
from tests.functions.uploading import events


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def test_a_directory_becomes_a_node(disks: Disks) -> None:
    before = disks.overview()["epoch"]
    answer = disks.admin.post(
        "add_node", "/api/nodes", {"location": str(disks.folder / "d"), "weight": 2, "zone": "cellar"}
    )
    assert answer.status_code == 201
    node = answer.get_json()
    assert (node["id"], node["kind"], node["state"], node["health"]) == ("node-4", "directory", "active", "ok")
    assert (node["weight"], node["zone"], node["share"]) == (2, "cellar", 0.4)
    assert identity(disks.folder / "d") == "node-4"
    assert disks.files()["node-4"] == {}
    assert events(disks.database, "wadi.node.added", "node-4")[-1] == {"node_id": "node-4"}
    assert disks.overview()["epoch"] > before


@pytest.mark.parametrize("where", ["a", "a/objects/more", "", "./a/../a"])
def test_a_place_that_is_a_node_or_overlaps_with_one_is_refused(disks: Disks, where: str) -> None:
    answer = disks.admin.post("add_node", "/api/nodes", {"location": str(disks.folder) + "/" + where})
    assert "node-1" in assert_problem(answer, 409, "wrong-state")["detail"]
    assert len(disks.overview()["nodes"]) == 3


def test_a_link_to_a_node_is_no_other_node(disks: Disks) -> None:
    (disks.folder / "link").symlink_to(disks.folder / "a")
    answer = disks.admin.post("add_node", "/api/nodes", {"location": str(disks.folder / "link")})
    assert_problem(answer, 409, "wrong-state")


def test_a_place_that_does_not_work_is_refused_and_says_why(disks: Disks) -> None:
    (disks.folder / "file").write_text("no directory")
    for location in (str(disks.folder / "file"), "/proc/wadi", "relative/path"):
        answer = disks.admin.post("add_node", "/api/nodes", {"location": location})
        assert location in assert_problem(answer, 400, "invalid-request")["detail"]
    assert len(disks.overview()["nodes"]) == 3


@pytest.mark.parametrize(
    "fields", [{"weight": -1}, {"kind": "tape"}, {"location": ""}, {"options": {"region": "x"}}, {"options": 3}]
)
def test_what_makes_no_sense_is_refused(disks: Disks, fields: dict[str, object]) -> None:
    answer = disks.admin.post("add_node", "/api/nodes", {"location": str(disks.folder / "d")} | fields)
    assert_problem(answer, 400, "invalid-request")


def test_a_node_that_is_being_emptied_is_taken_back(disks: Disks) -> None:
    new = disks.add("d")
    disks.remove("node-1")
    assert disks.add("a") == "node-1"
    assert disks.node("node-1")["state"] == "active"
    assert new in disks.nodes().active()


def test_a_node_that_was_removed_is_taken_back_under_its_name(disks: Disks) -> None:
    disks.store(5)
    disks.add("d")
    disks.remove("node-1", "?force=true")
    rebalance()
    assert disks.add("a") == "node-1"
    rebalance()
    disks.assert_settled(3)


def test_a_removed_disk_that_is_mounted_elsewhere_keeps_its_name(disks: Disks) -> None:
    disks.add("d")
    disks.remove("node-1", "?force=true")
    (disks.folder / "a").rename(disks.folder / "moved")
    assert disks.add("moved") == "node-1"
    assert disks.node("node-1")["location"] == str(disks.folder / "moved")


# --- buckets


def test_a_bucket_becomes_a_node_and_gets_its_share(disks: Disks) -> None:
    with buckets("nodes") as (bucket,):
        disks.store(20)
        answer = disks.admin.post("add_node", "/api/nodes", {"kind": "s3", "location": f"s3://{bucket}/wadi/"})
        assert answer.status_code == 201, answer.text
        node = answer.get_json()
        assert (node["kind"], node["location"], node["free"]) == ("s3", f"s3://{bucket}/wadi", None)
        rebalance()
        nodes = disks.nodes()
        expected = {key for key in disks.contents if node["id"] in nodes.homes(key, 3)}
        assert expected
        for key in disks.contents:
            assert disks.recorded(key) == set(nodes.homes(key, 3))
            assert (b"".join(nodes.store(node["id"]).open(key)) == disks.contents[key]) if key in expected else True
        assert len([key for key in keys(bucket) if ".m4s" in key]) == len(expected)
        assert disks.remove(node["id"]).status_code == 202
        rebalance()
        disks.assert_settled(3)
        assert [key for key in keys(bucket) if ".m4s" in key] == []


def test_prefixes_of_one_bucket_are_nodes_unless_one_is_in_the_other(disks: Disks) -> None:
    with buckets("nodes") as (bucket,):

        def add(prefix: str) -> int:
            location = f"s3://{bucket}/{prefix}"
            return disks.admin.post("add_node", "/api/nodes", {"kind": "s3", "location": location}).status_code

        assert [add("one"), add("two"), add("one/inner"), add(""), add("one")] == [201, 201, 409, 409, 409]


def test_a_bucket_that_is_not_there_is_refused(disks: Disks) -> None:
    with buckets("nodes"):
        answer = disks.admin.post("add_node", "/api/nodes", {"kind": "s3", "location": "s3://there-is-none-such"})
        assert_problem(answer, 400, "invalid-request")
