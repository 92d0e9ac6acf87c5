"""Nodes that are directories of a test's own, and what is really on them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.config import setting
from shared.db import transaction
from shared.identity import Role
from shared.objects import NodeUnavailable
from shared.objects.directory import identity
from shared.storage import replicate
from shared.storage.nodes.nodes import Nodes, load
from tests.conftest import Database
from tests.films.stored import store_bytes
from tests.functions.people import Person, account
from tests.functions.waking import ping


class Disks:
    """An administrator, and nodes under a folder, fewer or more as the test goes on."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.admin: Person = account(database, "Root", Role.ADMIN)
        self.contents: dict[str, bytes] = {}

    def add(self, name: str, **fields: Any) -> str:
        """Makes a directory a node; its id."""
        answer = self.admin.post("add_node", "/api/nodes", {"location": str(self.folder / name)} | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])  # type: ignore[index]

    def remove(self, node_id: str, query: str = "") -> Any:
        return self.admin.delete("remove_node", f"/api/nodes/{node_id}{query}")

    def update(self, node_id: str, **fields: Any) -> Any:
        client = self.admin._client("update_node")
        return client.patch(f"/api/nodes/{node_id}", json=fields, headers=self.admin._headers())

    def overview(self) -> dict[str, Any]:
        answer = self.admin.get("list_nodes", "/api/nodes")
        assert answer.status_code == 200, answer.text
        return dict(answer.json)  # type: ignore[arg-type]

    def node(self, node_id: str) -> dict[str, Any]:
        return next(dict(node) for node in self.overview()["nodes"] if node["id"] == node_id)

    def store(self, count: int, size: int = 1000) -> list[str]:
        """Objects with all their replicas, where the ring says."""
        keys = []
        for _ in range(count):
            number = len(self.contents)
            key = f"videos/v{number % 3}/360p/{number}-0123abcd.m4s"
            self.contents[key] = hashlib.shake_256(key.encode()).digest(size + number)
            store_bytes(key, self.contents[key], f"v{number % 3}")
            replicate(transaction, key)
            keys.append(key)
        return keys

    def nodes(self) -> Nodes:
        with transaction() as tx:
            return load(tx)

    def recorded(self, key: str) -> set[str]:
        return {
            row["node_id"] for row in self.database.all("select node_id from replica where object_key = %s", (key,))
        }

    def files(self) -> dict[str, dict[str, bytes]]:
        """By node, every object that is really there."""
        found = {}
        for root in sorted(self.folder.iterdir()):
            try:
                node_id = identity(root)
            except NodeUnavailable:
                continue
            if node_id is not None:
                top = root / "objects"
                found[node_id] = {
                    str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()
                }
        return found

    def holders(self, key: str) -> set[str]:
        return {node_id for node_id, files in self.files().items() if files.get(key) == self.contents[key]}

    def assert_settled(self, wanted: int, *, elsewhere: frozenset[str] = frozenset()) -> None:
        """Every object is on exactly the nodes that the ring names, and nothing else is anywhere (`elsewhere`: nodes
        that are not looked at)."""
        nodes, files = self.nodes(), self.files()
        expected: dict[str, dict[str, bytes]] = {node_id: {} for node_id in files}
        for key, data in self.contents.items():
            homes = nodes.homes(key, wanted)
            assert self.recorded(key) - elsewhere == set(homes), key
            for home in homes:
                expected[home][key] = data
        for node_id in files.keys() - elsewhere:
            assert files[node_id] == expected[node_id], f"on {node_id}"

    @contextmanager
    def unplugged(self, node_id: str) -> Iterator[None]:
        """The disk of a node is not there."""
        location = self.database.all("select location from node where id = %s", (node_id,))[0]["location"]
        here, away = Path(location), self.folder.parent / "away"
        here.rename(away)
        try:
            yield
        finally:
            away.rename(here)

    def expire_leases(self) -> None:
        self.database.all("update node_lease set lease_until = now() - interval '1 second'")


def check() -> None:
    assert ping("check_nodes").status_code == 204


def rebalance() -> None:
    answer = ping("rebalance")
    assert answer.status_code == 204, answer.text


def fresh_disks(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    """No nodes and no objects, but three nodes a, b and c."""
    for table in ("shard", "object", "node_lease", "upload", "garbage", "node"):
        database.all(f"delete from {table}")
    database.all("update rebalance set epoch = -1")
    (Path(setting("WADI_DATA")) / "nodes.list").unlink(missing_ok=True)
    names = [folder / name for name in "abc"]
    monkeypatch.setenv("WADI_NODES", ":".join(map(str, names)))
    monkeypatch.setenv("REBALANCE_BYTES_PER_SECOND", "0")
    disks = Disks(database, folder)
    disks.nodes()
    return disks
