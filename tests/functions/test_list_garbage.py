"""What would go, and when."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.identity import Role
from shared.storage import store_file
from tests.conftest import Database, Wadi
from tests.functions.people import Person, account, assert_problem
from tests.functions.waking import ping


@pytest.fixture(scope="module")
def admin(database: Database, wadi: Wadi) -> Person:
    return account(database, "Root", Role.ADMIN)


def test_it_names_what_was_found_and_nothing_before(database: Database, admin: Person, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"orphan")
    orphans = {store_file(f"videos/none/{n}.m4s", tmp_path / "file", None).object.key for n in range(3)}
    assert admin.get("list_garbage", "/api/storage/garbage").json == {"total": 0, "total_bytes": 0, "garbage": []}
    assert ping("collect_garbage").status_code == 204
    answer = admin.get("list_garbage", "/api/storage/garbage").get_json()
    assert (answer["total"], answer["total_bytes"]) == (3, 18)
    assert {each["key"] for each in answer["garbage"]} == orphans
    for each in answer["garbage"]:
        found, due = (datetime.fromisoformat(each[name]) for name in ("found_at", "due_at"))
        assert due - found == timedelta(hours=24)
    assert len(admin.get("list_garbage", "/api/storage/garbage", limit=2).get_json()["garbage"]) == 2


def test_the_limit_has_limits(database: Database, admin: Person) -> None:
    assert_problem(admin.get("list_garbage", "/api/storage/garbage", limit=0), 400, "invalid-request")
