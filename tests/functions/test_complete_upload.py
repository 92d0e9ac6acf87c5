"""Parts become the source of a video, once, and the chain begins."""

from typing import Any

from shared.db import transaction
from tests.conftest import Database
from tests.functions.people import Person, account, assert_problem, at_once
from tests.functions.uploading import (
    BYTES,
    PART,
    SIZE,
    Uploader,
    checksum_of_parts,
    events,
    files_under,
    source_bytes,
)

UPLOADED = "wadi.video.uploaded"


def test_out_of_order_parts_become_the_source(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(title="A film")
    for part in reversed(upload["parts"]):
        assert uploader.send(part).status_code == 200
    assert events(database, UPLOADED, upload["video_id"]) == []
    answer = uploader.complete(upload["id"])
    assert answer.status_code == 202
    video: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert (video["id"], video["state"], video["title"]) == (upload["video_id"], "uploaded", "A film")
    key = f"sources/{upload['id']}"
    assert source_bytes(database, key) == BYTES
    stored = database.one("select * from object where key = %s", (key,))
    assert stored is not None
    assert (stored["video_id"], stored["sha256"]) == (video["id"], checksum_of_parts(BYTES, PART))
    row = database.one("select * from video where id = %s", (video["id"],))
    assert row is not None
    assert (row["source_key"], row["source_size"]) == (key, SIZE)
    assert row["uploaded_at"] is not None
    assert events(database, UPLOADED, video["id"]) == [
        {"video_id": video["id"], "source_key": key, "name": "film.mp4", "size": SIZE}
    ]
    assert files_under(uploader.store(upload["id"]).root / "uploads") == set()


def test_a_second_time_answers_the_same(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    first, second = uploader.complete(upload["id"]), uploader.complete(upload["id"])
    assert (second.status_code, second.json) == (first.status_code, first.json) == (202, first.json)
    assert len(events(database, UPLOADED, upload["video_id"])) == 1


def test_two_at_once_complete_it_once(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    lock = "select 1 from upload where id = %s for update"
    with at_once(database, lock, (upload["id"],), 2) as pool:
        answers = [pool.submit(uploader.complete, upload["id"]) for _ in range(2)]
    first, second = (answer.result() for answer in answers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json == second.json
    assert len(events(database, UPLOADED, upload["video_id"])) == 1


def test_missing_parts_are_named_and_nothing_happens(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin()
    uploader.send(upload["parts"][1])
    problem = assert_problem(uploader.complete(upload["id"]), 409, "upload-incomplete")
    assert problem["missing"] == [1, 3]
    assert events(database, UPLOADED, upload["video_id"]) == []
    for number in (1, 3):
        uploader.send(upload["parts"][number - 1])
    assert uploader.complete(upload["id"]).status_code == 202


def test_a_part_that_is_being_written_is_waited_for(uploader: Uploader) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    row = uploader.row(upload["id"])
    with uploader.store(upload["id"]).multipart.part_writer(row["object_key"], row["multipart_id"], 1) as again:
        assert_problem(uploader.complete(upload["id"]), 409, "in-progress")
        again.write(BYTES[:10])
        again.finish()
    assert uploader.complete(upload["id"]).status_code == 202


def test_a_part_that_broke_off_counts_as_missing(uploader: Uploader) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    row = uploader.row(upload["id"])
    with uploader.store(upload["id"]).multipart.part_writer(row["object_key"], row["multipart_id"], 1) as again:
        again.write(b"other")
    assert assert_problem(uploader.complete(upload["id"]), 409, "upload-incomplete")["missing"] == [1]


def test_a_crash_before_the_commit_is_made_good(uploader: Uploader, database: Database) -> None:
    """The object was made, and the process died before the database knew."""
    upload = uploader.begin()
    uploader.send_all(upload)
    row = uploader.row(upload["id"])
    uploader.store(upload["id"]).multipart.complete(row["object_key"], row["multipart_id"])
    assert uploader.complete(upload["id"]).status_code == 202
    assert source_bytes(database, row["object_key"]) == BYTES


def test_an_upload_that_is_over_takes_no_parts(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    uploader.complete(upload["id"])
    answer = uploader.send(upload["parts"][0], b"y" * 10)
    assert answer.status_code == 410
    assert source_bytes(database, f"sources/{upload['id']}") == BYTES[:10]


def test_only_the_owner_may(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    path = f"/api/uploads/{upload['id']}/complete"
    assert_problem(account(database, "Eve").post("complete_upload", path), 404, "not-found")
    assert_problem(Person().post("complete_upload", path), 401, "not-authenticated")
    assert events(database, UPLOADED, upload["video_id"]) == []


def test_unknown_aborted_expired(uploader: Uploader, database: Database) -> None:
    assert_problem(uploader.complete("01890000-0000-7000-8000-000000000000"), 404, "not-found")
    upload = uploader.begin(10)
    uploader.abort(upload["id"])
    assert_problem(uploader.complete(upload["id"]), 410, "gone")
    upload = uploader.begin(10)
    uploader.send_all(upload)
    database.all("update upload set expires_at = now() - interval '1 second' where id = %s", (upload["id"],))
    assert_problem(uploader.complete(upload["id"]), 410, "gone")


def test_a_video_that_was_deleted_meanwhile(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    database.all("delete from video where id = %s", (upload["video_id"],))
    assert_problem(uploader.complete(upload["id"]), 410, "gone")
    assert database.one("select 1 from object where key = %s", (f"sources/{upload['id']}",)) is None


def test_nothing_is_published_when_the_commit_fails(uploader: Uploader, database: Database) -> None:
    """State and event commit together: with the outbox out of order, neither is there, and the client tries again."""
    upload = uploader.begin(10)
    uploader.send_all(upload)
    with transaction() as tx:
        tx.execute("alter table outbox rename to outbox_away")
    try:
        assert uploader.complete(upload["id"]).status_code >= 500
    finally:
        with transaction() as tx:
            tx.execute("alter table outbox_away rename to outbox")
    row = database.one("select state from video where id = %s", (upload["video_id"],))
    assert row == {"state": "uploading"}
    assert uploader.complete(upload["id"]).status_code == 202
    assert len(events(database, UPLOADED, upload["video_id"])) == 1
