"""Six nodes, and videos that nobody watches."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.config import setting
from shared.db import transaction
from shared.storage import replicate
from shared.storage.nodes.nodes import load
from tests.conftest import Database
from tests.films.rows import make_video, mark_ready
from tests.films.stored import store_bytes
from tests.functions.waking import ping


class Cellar:
    """Nodes a, b, … and what lies on them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder

    def video(self, *sizes: int, days: float = 100) -> tuple[str, dict[str, bytes]]:
        """A video that was ready so many days ago and has an object of each size; with the objects' bytes by key."""
        video = make_video(self.database, "owner")
        objects = {}
        for number, size in enumerate(sizes):
            key = f"videos/{video}/360p/{number}-0123abcd.m4s"
            objects[key] = hashlib.shake_256(key.encode()).digest(size)
            store_bytes(key, objects[key], video)
            replicate(transaction, key)
        mark_ready(self.database, video, days)
        return video, objects

    def replicas(self, key: str) -> set[str]:
        rows = self.database.all("select node_id from replica where object_key = %s", (key,))
        return {row["node_id"] for row in rows}

    def shards(self, key: str) -> list[dict[str, Any]]:
        return self.database.all("select * from shard where object_key = %s order by number", (key,))

    def is_frozen(self, key: str) -> bool:
        return bool(self.shards(key)) and not self.replicas(key)

    def file(self, node_id: str, key: str) -> Path:
        return self.folder / self._name(node_id) / "objects" / key

    def files(self, part: str) -> set[tuple[str, str]]:
        """Nodes and names of the files whose name holds `part`."""
        return {
            (root.name, str(path.relative_to(root / "objects")))
            for root in self.folder.iterdir()
            for path in (root / "objects").rglob("*")
            if path.is_file() and part in str(path)
        }

    @contextmanager
    def away(self, *node_ids: str) -> Iterator[None]:
        roots = [self.folder / self._name(node_id) for node_id in node_ids]
        for root in roots:
            root.rename(self.folder.parent / f"away-{root.name}")
        try:
            yield
        finally:
            for root in roots:
                (self.folder.parent / f"away-{root.name}").rename(root)

    def _name(self, node_id: str) -> str:
        (row,) = self.database.all("select location from node where id = %s", (node_id,))
        return Path(row["location"]).name


def cellar(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 6) -> Cellar:
    """So many fresh nodes and nothing on them."""
    for table in ("removal", "shard", "object", "node_lease", "upload", "garbage", "node"):
        database.all(f"delete from {table}")
    (Path(setting("WADI_DATA")) / "nodes.list").unlink(missing_ok=True)
    monkeypatch.setenv("WADI_NODES", ":".join(str(folder / name) for name in "abcdefghij"[:count]))
    monkeypatch.setenv("FREEZE_AFTER_DAYS", "30")
    monkeypatch.setenv("FREEZE_BYTES_PER_SECOND", "0")
    with transaction() as tx:
        load(tx)
    return Cellar(database, folder)


def freeze() -> None:
    answer = ping("freeze")
    assert answer.status_code == 204, answer.text
