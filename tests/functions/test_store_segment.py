"""What was lost comes back with its replicas; other bytes do not."""

import hashlib
import os
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from shared.identity import Role
from shared.runtime.serve import create_app
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.rows import make_video, plan_segment
from tests.films.stored import SegmentRow, holders, make_segments, recorded
from tests.functions.people import Person, account, assert_problem
from tests.functions.waking import ping

ALL = {"node-1", "node-2", "node-3"}


@pytest.fixture(scope="module")
def admin(database: Database, wadi: Wadi) -> Person:
    return account(database, "Root", Role.ADMIN)


@pytest.fixture
def segment(database: Database, creator: Person) -> SegmentRow:
    return make_segments(database, make_video(database, creator.user_id), ["720p"], 1)[0]


def store(admin: Person, segment_id: str, data: bytes, sha256: str = "", **query: str) -> TestResponse:
    answer: TestResponse = (
        create_app("store_segment")
        .test_client()
        .post(
            "/api/segments",
            data=data,
            headers={"Authorization": f"Bearer {admin.token}"},
            query_string={"segment": segment_id, "sha256": sha256 or hashlib.sha256(data).hexdigest(), **query},
        )
    )
    return answer


def test_a_lost_segment_is_stored_with_all_its_replicas(database: Database, admin: Person, segment: SegmentRow) -> None:
    for each in local_stores().values():
        each.delete(segment.object_key)
        each.delete(segment.init_key)
    database.all("update scrub set asked_at = now()")
    assert ping("scrub").status_code == 204
    assert len(database.all("select 1 from lost_object where object_key like %s", (f"%{segment.video_id}%",))) == 2
    answer = store(admin, segment.id, segment.data)
    assert answer.status_code == 201
    assert set(answer.get_json()["nodes"]) == ALL
    assert holders(segment.object_key, segment.data) == ALL
    assert store(admin, segment.id, segment.init, init="true").status_code == 201
    assert holders(segment.init_key, segment.init) == ALL
    assert not database.all("select 1 from lost_object where object_key like %s", (f"%{segment.video_id}%",))


def test_damaged_replicas_are_made_anew(database: Database, admin: Person, segment: SegmentRow) -> None:
    assert store(admin, segment.id, segment.data).status_code == 201
    for each in local_stores().values():
        (each.root / "objects" / segment.object_key).write_bytes(bytes(len(segment.data)))
    assert store(admin, segment.id, segment.data).status_code == 201
    assert holders(segment.object_key, segment.data) == ALL


def test_other_bytes_are_refused(database: Database, admin: Person, segment: SegmentRow) -> None:
    assert_problem(store(admin, segment.id, b"something else"), 400, "checksum-mismatch")
    promised = hashlib.sha256(segment.data).hexdigest()
    assert_problem(store(admin, segment.id, segment.data[:-1], promised), 400, "checksum-mismatch")
    assert holders(segment.object_key, segment.data) == recorded(database, segment.object_key)
    planned = plan_segment(database, segment.video_id, "720p", 7)
    assert_problem(store(admin, planned, b"x"), 409, "wrong-state")
    assert_problem(store(admin, "none", b"x"), 404, "not-found")
    assert_problem(store(admin, segment.id, b"x", surprise="1"), 400, "invalid-request")


def test_a_body_has_a_limit(
    database: Database, admin: Person, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_SEGMENT_BYTES", "1000")
    assert_problem(store(admin, segment.id, segment.data), 413, "too-large")


def test_a_storage_without_room_says_so(
    database: Database, admin: Person, segment: SegmentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    assert_problem(store(admin, segment.id, segment.data), 507, "storage-full")


def test_where_it_lies_is_where_the_ring_says(database: Database, admin: Person, segment: SegmentRow) -> None:
    answer = store(admin, segment.id, segment.data)
    for node in answer.get_json()["nodes"]:
        assert Path(local_stores()[node].root, "objects", answer.get_json()["key"]).read_bytes() == segment.data
