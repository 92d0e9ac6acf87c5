"""Nodes as the settings and the disks make them, and objects as the database knows them."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.config import ConfigError
from shared.db import transaction
from shared.errors import Problem
from shared.objects import NodeFull, NodeUnavailable, ObjectMissing
from shared.objects.directory import DirectoryStore, identity
from shared.storage import Replica, delete_object, ffmpeg_input, record, signed_url, signed_urls, store_file
from shared.storage.nodes.location import local_stores
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.nodes.register import register
from tests.conftest import Database, Wadi

Rows = dict[str, str]


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Directories for nodes of one's own, and no nodes in the database."""
    database.all("delete from object")
    database.all("delete from node")
    roots = [tmp_path / name for name in ("a", "b", "c")]
    name_nodes(monkeypatch, roots)
    return roots


def name_nodes(monkeypatch: pytest.MonkeyPatch, roots: list[Path]) -> None:
    monkeypatch.setenv("WADI_NODES", ":".join(map(str, roots)))


def registered(database: Database) -> Rows:
    with transaction() as tx:
        register(tx)
    return {row["id"]: row["location"] for row in database.all("select id, location from node order by id")}


def loaded() -> Nodes:
    with transaction() as tx:
        return load(tx)


def put(key: str, data: bytes, tmp_path: Path, video_id: str | None = None) -> Replica:
    (tmp_path / "file").write_bytes(data)
    stored = store_file(key, tmp_path / "file", video_id)
    with transaction() as tx:
        record(tx, stored)
    return stored


# --- nodes


def test_named_directories_become_nodes_in_order(database: Database, disks: list[Path]) -> None:
    assert registered(database) == {f"node-{number}": str(root) for number, root in enumerate(disks, 1)}
    assert [identity(root) for root in disks] == ["node-1", "node-2", "node-3"]
    assert registered(database) == registered(database)


def test_by_default_there_are_three_under_the_data_directory(
    database: Database, disks: list[Path], wadi: Wadi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WADI_NODES")
    assert loaded().active() == {"node-1", "node-2", "node-3"}
    assert {store.root.parent for store in local_stores().values()} == {wadi.data / "objects"}


def test_a_disk_that_is_mounted_elsewhere_is_the_same_node(
    database: Database, disks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(database)
    disks[1].rename(tmp_path / "moved")
    name_nodes(monkeypatch, [disks[0], tmp_path / "moved", disks[2]])
    assert registered(database)["node-2"] == str(tmp_path / "moved")


def test_two_disks_that_change_places(database: Database, disks: list[Path], tmp_path: Path) -> None:
    registered(database)
    disks[0].rename(tmp_path / "x")
    disks[1].rename(disks[0])
    (tmp_path / "x").rename(disks[1])
    assert registered(database) == {"node-1": str(disks[1]), "node-2": str(disks[0]), "node-3": str(disks[2])}


def test_a_disk_that_is_gone_stays_a_node_and_is_not_made_anew(database: Database, disks: list[Path]) -> None:
    before = registered(database)
    disks[1].rename(disks[1].with_name("away"))
    disks[1].mkdir()
    assert registered(database) == before
    assert list(disks[1].iterdir()) == []
    assert loaded().active() == {"node-1", "node-2", "node-3"}
    assert set(local_stores()) == {"node-1", "node-3"}


def test_another_disk_in_its_place_is_another_node(database: Database, disks: list[Path]) -> None:
    registered(database)
    disks[1].rename(disks[1].with_name("away"))
    DirectoryStore.create("node-9", disks[1])
    nodes = registered(database)
    assert nodes["node-9"] == str(disks[1])
    with pytest.raises(NodeUnavailable):
        loaded().store("node-2").size("a/b")


def test_a_new_database_finds_the_nodes_that_were(database: Database, disks: list[Path]) -> None:
    registered(database)
    database.all("delete from node")
    assert registered(database) == {f"node-{number}": str(root) for number, root in enumerate(disks, 1)}


def test_a_disk_more_is_a_node_more(
    database: Database, disks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(database)
    name_nodes(monkeypatch, [*disks, tmp_path / "d"])
    assert registered(database)["node-4"] == str(tmp_path / "d")


def test_a_directory_that_cannot_be_made_is_named(
    database: Database, disks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    name_nodes(monkeypatch, [tmp_path / "file" / "under"])
    with pytest.raises(ConfigError, match=r"WADI_NODES: .*file/under"):
        registered(database)


def test_a_draining_node_takes_nothing_new_and_is_still_read(
    database: Database, disks: list[Path], tmp_path: Path
) -> None:
    registered(database)
    stored = put("videos/1/a.m4s", b"abc", tmp_path)
    database.all("update node set state = 'draining' where id = %s", (stored.node_id,))
    assert stored.node_id not in loaded().active()
    with transaction() as tx:
        assert f"/objects/{stored.node_id}/" in signed_url(tx, stored.object.key)
    assert all(put(f"videos/1/{n}.m4s", b"abc", tmp_path).node_id != stored.node_id for n in range(20))


# --- objects


def test_store_file_passes_over_nodes_that_do_not_work(database: Database, disks: list[Path], tmp_path: Path) -> None:
    registered(database)
    for root in disks[:2]:
        root.rename(root.with_name(root.name + "-away"))
    assert {put(f"videos/2/{n}.m4s", b"abc", tmp_path).node_id for n in range(10)} == {"node-3"}
    disks[2].rename(disks[2].with_name("c-away"))
    with pytest.raises((NodeUnavailable, NodeFull)):
        put("videos/2/x.m4s", b"abc", tmp_path)


def test_objects_spread_over_the_nodes(database: Database, disks: list[Path], tmp_path: Path) -> None:
    assert {put(f"videos/3/{n}.m4s", b"abc", tmp_path).node_id for n in range(40)} == {"node-1", "node-2", "node-3"}


def test_signed_urls_stay_the_same_for_a_while_and_live_long_enough(
    database: Database, disks: list[Path], tmp_path: Path
) -> None:
    put("videos/4/a.m4s", b"abc", tmp_path)
    with transaction() as tx:
        urls = [signed_url(tx, "videos/4/a.m4s", 86400) for _ in range(3)]
        expires = int(parse_qs(urlsplit(urls[0]).query)["expires"][0])
        assert len(set(urls)) <= 2  # two, should an hour end in between
        assert 86400 <= expires - time.time() + 1 <= 86400 + 3601
        assert int(parse_qs(urlsplit(signed_url(tx, "videos/4/a.m4s", 60)).query)["expires"][0]) - time.time() + 1 >= 60
        assert signed_urls(tx, ["videos/4/a.m4s", "none"]).keys() == {"videos/4/a.m4s"}
        assert signed_urls(tx, []) == {}
        with pytest.raises(Problem):
            signed_url(tx, "none")


def test_readers_spread_over_the_replicas(database: Database, disks: list[Path], tmp_path: Path) -> None:
    keys = [f"videos/5/{n}.m4s" for n in range(40)]
    for key in keys:
        put(key, b"abc", tmp_path)
        database.all("insert into replica (object_key, node_id) select %s, id from node on conflict do nothing", (key,))
    with transaction() as tx:
        urls = signed_urls(tx, keys)
    assert {url.split("/")[2] for url in urls.values()} == {"node-1", "node-2", "node-3"}


def test_a_source_is_a_path_here(database: Database, disks: list[Path], tmp_path: Path) -> None:
    def path_of(key: str) -> Path:
        with ffmpeg_input(transaction, key) as file:
            return Path(file.path)

    stored = put("sources/1", b"abc", tmp_path)
    path = path_of("sources/1")
    assert path.read_bytes() == b"abc"
    path.write_bytes(b"ab")
    with pytest.raises(ObjectMissing):  # cut short is lost
        path_of("sources/1")
    path.unlink()
    with pytest.raises(ObjectMissing):
        path_of("sources/1")
    with pytest.raises(ObjectMissing):
        path_of("sources/none")
    root = local_stores()[stored.node_id].root
    root.rename(root.with_name("away"))
    with pytest.raises(NodeUnavailable):  # it may come back
        path_of("sources/1")


def test_other_bytes_under_the_same_key_start_with_one_replica(
    database: Database, disks: list[Path], tmp_path: Path
) -> None:
    first = put("videos/6/poster.jpg", b"abc", tmp_path)
    others = sorted({"node-1", "node-2", "node-3"} - {first.node_id})
    database.all("insert into replica (object_key, node_id) values (%s, %s)", (first.object.key, others[0]))
    put("videos/6/poster.jpg", b"abc", tmp_path)
    assert len(database.all("select 1 from replica where object_key = %s", (first.object.key,))) == 2
    put("videos/6/poster.jpg", b"other", tmp_path)
    (replica,) = database.all("select * from replica where object_key = %s", (first.object.key,))
    assert replica["node_id"] == first.node_id
    row = database.one("select size from object where key = %s", (first.object.key,))
    assert row == {"size": 5}


def test_delete_removes_bytes_and_rows_and_may_be_repeated(
    database: Database, disks: list[Path], tmp_path: Path
) -> None:
    stored = put("videos/7/a.m4s", b"abc", tmp_path)
    with transaction() as tx:
        delete_object(tx, stored.object.key)
        delete_object(tx, stored.object.key)
    assert local_stores()[stored.node_id].size(stored.object.key) is None
    assert database.one("select 1 from object where key = %s", (stored.object.key,)) is None
