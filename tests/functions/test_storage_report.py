"""What is stored by tier, and what was saved."""

from pathlib import Path
from typing import Any

import pytest

from shared.identity import Role
from shared.storage.erasure.code import shard_size
from shared.storage.model import SHARDS
from tests.conftest import Database, Wadi
from tests.films.stored import store_bytes
from tests.functions.freezing import cellar, freeze
from tests.functions.people import account


def report(database: Database) -> dict[str, Any]:
    answer = account(database, "Root", Role.ADMIN).get("storage_report", "/api/storage/report")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)  # type: ignore[arg-type]


def test_by_tier(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    six = cellar(database, tmp_path / "nodes", monkeypatch)
    six.video(100_000)
    freeze()
    hot, _ = six.video(50_000, days=1)
    store_bytes("sources/one", b"x" * 30_000, hot)
    cold = SHARDS * shard_size(100_000)
    assert report(database) == {
        "hot": {"objects": 1, "bytes": 50_000, "replicas": 3, "stored_bytes": 150_000},
        "cold": {"objects": 1, "bytes": 100_000, "replicas": 0, "stored_bytes": cold},
        "sources": {"objects": 1, "bytes": 30_000, "replicas": 1, "stored_bytes": 30_000},
        "replication_factor": 3,
        "replicated_bytes": 480_000,
        "stored_bytes": 180_000 + cold,
        "saved_bytes": 300_000 - cold,
        "waiting_removals": 0,
        "freeze_after_days": 30,
        "freezing": "on",
    }


def test_why_nothing_is_frozen(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cellar(database, tmp_path / "nodes", monkeypatch, 5)
    assert report(database)["freezing"] == "freezing needs 6 nodes, and there are 5"
    monkeypatch.setenv("FREEZE_AFTER_DAYS", "0")
    assert report(database)["freezing"] == "off: FREEZE_AFTER_DAYS is 0"
