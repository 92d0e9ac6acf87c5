"""What uploads leave behind is removed, and nothing else."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import mark_ready
from tests.films.stored import make_segments
from tests.functions.people import assert_problem
from tests.functions.uploading import BYTES, Uploader, events, everything_stored, source_bytes
from tests.functions.waking import ping


def expire(database: Database, upload: dict[str, Any]) -> None:
    database.all("update upload set expires_at = now() - interval '1 second' where id = %s", (upload["id"],))


def run() -> None:
    assert ping("expire_uploads").status_code == 204


def grow_old(path: Path) -> None:
    """As if it had been written two days ago."""
    for each in (path, *path.rglob("*")):
        os.utime(each, (time.time() - 2 * 86400,) * 2)


def test_an_expired_upload_loses_its_parts_and_its_video(uploader: Uploader, database: Database) -> None:
    before = everything_stored()
    upload, other = uploader.begin(), uploader.begin(10)
    uploader.send(upload["parts"][0])
    uploader.send_all(other)
    expire(database, upload)
    run()
    assert database.one("select 1 from video where id = %s", (upload["video_id"],)) is None
    assert uploader.row(upload["id"])["state"] == "expired"
    assert_problem(uploader.get(upload["id"]), 410, "gone")
    assert uploader.complete(other["id"]).status_code == 202
    assert everything_stored() - before == {f"{uploader.row(other['id'])['node_id']}/objects/sources/{other['id']}"}


def test_one_that_is_just_being_completed_does_not_hold_up_the_others(uploader: Uploader, database: Database) -> None:
    held, other = uploader.begin(10), uploader.begin(10)
    for upload in (held, other):
        expire(database, upload)
    with closing(database.connect()) as db, ThreadPoolExecutor(1) as pool:
        try:
            db.cursor().execute("select 1 from upload where id = %s for update", (held["id"],))
            pool.submit(run).result(timeout=60)
        finally:
            db.rollback()
    assert [uploader.row(upload["id"])["state"] for upload in (held, other)] == ["open", "expired"]
    run()
    assert uploader.row(held["id"])["state"] == "expired"


def test_what_is_complete_does_not_expire(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    uploader.complete(upload["id"])
    expire(database, upload)
    run()
    assert source_bytes(database, f"sources/{upload['id']}") == BYTES[:10]


def test_a_completion_that_crashed_is_removed_with_it(uploader: Uploader, database: Database) -> None:
    before = everything_stored()
    upload = uploader.begin(10)
    uploader.send_all(upload)
    row = uploader.row(upload["id"])
    uploader.store(upload["id"]).multipart.complete(row["object_key"], row["multipart_id"])
    expire(database, upload)
    run()
    assert everything_stored() == before


def test_rows_of_what_is_over_go_after_a_while(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.abort(upload["id"])
    run()
    assert_problem(uploader.get(upload["id"]), 410, "gone")
    database.all("update upload set closed_at = now() - interval '49 hours' where id = %s", (upload["id"],))
    run()
    assert_problem(uploader.get(upload["id"]), 404, "not-found")


def test_what_crashes_left_on_the_nodes_is_swept(uploader: Uploader, database: Database) -> None:
    store = next(iter(local_stores().values()))
    upload = uploader.begin(10)  # open: stays, however old
    row = uploader.row(upload["id"])
    own = uploader.store(upload["id"])
    grow_old(own.root / "uploads" / row["multipart_id"])
    unknown = store.multipart.start("sources/unknown", 10, 10)
    grow_old(store.root / "uploads" / unknown)
    fresh = store.multipart.start("sources/fresh", 10, 10)
    draft, new_draft = store.root / "tmp" / "draft", store.root / "tmp" / "new-draft"
    for path in (draft, new_draft):
        path.write_bytes(b"half")
    grow_old(draft)
    half_made = store.root / "uploads" / "half-made"
    half_made.mkdir()
    (half_made / "data").write_bytes(b"")
    grow_old(half_made)
    run()
    assert {multipart.id for multipart in store.multipart.started()} >= {fresh}
    assert unknown not in {multipart.id for multipart in store.multipart.started()}
    assert (draft.exists(), new_draft.exists(), half_made.exists()) == (False, True, False)
    assert uploader.send(upload["parts"][0]).status_code == 200
    store.multipart.forget("sources/fresh", fresh)
    new_draft.unlink()


def test_leftovers_of_a_completed_upload_are_swept_and_its_source_stays(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    store, row = uploader.store(upload["id"]), uploader.row(upload["id"])
    uploader.complete(upload["id"])
    leftover = store.root / "uploads" / row["multipart_id"]
    (store.root / "uploads" / store.multipart.start(row["object_key"], 10, 10)).rename(leftover)
    grow_old(leftover)
    run()
    assert not leftover.exists()
    assert source_bytes(database, row["object_key"]) == BYTES[:10]


def test_a_node_that_is_gone_does_not_stop_the_others(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    store = uploader.store(upload["id"])
    away = store.root.with_name("away")
    expire(database, upload)
    store.root.rename(away)
    try:
        run()
        assert_problem(uploader.get(upload["id"]), 410, "gone")
    finally:
        away.rename(store.root)
    row = uploader.row(upload["id"])
    grow_old(store.root / "uploads" / row["multipart_id"])
    run()
    assert not (store.root / "uploads" / row["multipart_id"]).exists()


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_a_source_that_was_not_released_is_asked_for_again(
    uploader: Uploader, database: Database, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """The last segment was placed before the video was ready, or before its pictures were made."""
    monkeypatch.setenv("SOURCE_POLICY", policy)
    video = uploader.uploaded(BYTES[:1000])
    segments = make_segments(database, video["id"], ["720p"], 2)
    database.all("update media_segment set placed_at = now() where video_id = %s", (video["id"],))
    run()
    assert events(database, "wadi.segment.placed", video["id"]) == []
    mark_ready(database, video["id"])
    run()
    assert events(database, "wadi.segment.placed", video["id"]) == []  # not so soon
    database.all("update video set ready_at = now() - interval '2 minutes' where id = %s", (video["id"],))
    run()
    (event,) = events(database, "wadi.segment.placed", video["id"])
    assert event["segment_id"] in {segment.id for segment in segments}
