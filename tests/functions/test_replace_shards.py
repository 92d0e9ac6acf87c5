"""Shards of a lost node are made anew on another one. Damaged ones: test_scrub.py."""

from pathlib import Path

import pytest

from shared.storage.model import SHARDS
from tests.conftest import Database, Wadi
from tests.functions.freezing import Cellar, cellar, freeze
from tests.functions.waking import ping


@pytest.fixture
def seven(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cellar:
    return cellar(database, tmp_path / "nodes", monkeypatch, 7)


def contents(seven: Cellar, key: str) -> dict[int, bytes]:
    return {s["number"]: seven.file(s["node_id"], s["key"]).read_bytes() for s in seven.shards(key)}


def lose(database: Database, node_id: str) -> None:
    database.all("update node set lost_at = now(), suspect_since = now() where id = %s", (node_id,))


def test_those_of_a_lost_node_go_to_another_one(seven: Cellar, database: Database) -> None:
    _, objects = seven.video(300_001)
    (key,) = objects
    freeze()
    before = contents(seven, key)
    lost = seven.shards(key)[2]
    with seven.away(lost["node_id"]):
        lose(database, lost["node_id"])
        assert ping("replace_shards").status_code == 204
        assert contents(seven, key) == before
        holders = [shard["node_id"] for shard in seven.shards(key)]
        assert lost["node_id"] not in holders
        assert len(set(holders)) == SHARDS
    ping("finish_removals")
    assert not seven.file(lost["node_id"], lost["key"]).exists(), "it is back, and has it no more"


def test_without_a_node_to_spare_they_wait(seven: Cellar, database: Database) -> None:
    _, objects = seven.video(300_001)
    (key,) = objects
    freeze()
    first, second = [shard["node_id"] for shard in seven.shards(key)][:2]
    with seven.away(first, second):
        lose(database, first)
        lose(database, second)
        assert ping("replace_shards").status_code == 204
        assert len({first, second} & {shard["node_id"] for shard in seven.shards(key)}) == 1


def test_three_gone_are_left_as_they_are(seven: Cellar, database: Database) -> None:
    _, objects = seven.video(300_001)
    (key,) = objects
    freeze()
    for shard in seven.shards(key)[:3]:
        seven.file(shard["node_id"], shard["key"]).unlink()
    lose(database, seven.shards(key)[0]["node_id"])
    before = seven.shards(key)
    assert ping("replace_shards").status_code == 204
    assert seven.shards(key) == before
