"""An upload is given up."""

from tests.conftest import Database
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import Uploader, everything_stored


def test_parts_and_video_are_removed(uploader: Uploader, database: Database) -> None:
    before = everything_stored()
    upload = uploader.begin()
    uploader.send(upload["parts"][0])
    assert everything_stored() > before
    answer = uploader.abort(upload["id"])
    assert (answer.status_code, answer.data) == (204, b"")
    assert everything_stored() == before
    assert database.one("select 1 from video where id = %s", (upload["video_id"],)) is None
    assert uploader.send(upload["parts"][1]).status_code == 410


def test_a_second_time_it_is_gone(uploader: Uploader) -> None:
    upload = uploader.begin()
    uploader.abort(upload["id"])
    assert_problem(uploader.abort(upload["id"]), 410, "gone")


def test_a_part_that_is_on_its_way_does_not_bring_it_back(uploader: Uploader) -> None:
    before = everything_stored()
    upload = uploader.begin(10)
    row = uploader.row(upload["id"])
    with uploader.store(upload["id"]).multipart.part_writer(row["object_key"], row["multipart_id"], 1) as part:
        part.write(b"x" * 10)
        assert uploader.abort(upload["id"]).status_code == 204
    assert everything_stored() == before


def test_a_completion_that_crashed_is_undone(uploader: Uploader) -> None:
    before = everything_stored()
    upload = uploader.begin(10)
    uploader.send_all(upload)
    row = uploader.row(upload["id"])
    uploader.store(upload["id"]).multipart.complete(row["object_key"], row["multipart_id"])
    assert uploader.abort(upload["id"]).status_code == 204
    assert everything_stored() == before


def test_what_is_complete_stays(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    uploader.complete(upload["id"])
    assert_problem(uploader.abort(upload["id"]), 409, "wrong-state")
    assert database.one("select state from video where id = %s", (upload["video_id"],)) == {"state": "uploaded"}


def test_only_the_owner_may(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin()
    path = f"/api/uploads/{upload['id']}"
    assert_problem(account(database, "Eve").delete("abort_upload", path), 404, "not-found")
    assert_problem(Person().delete("abort_upload", path), 401, "not-authenticated")
    assert uploader.send(upload["parts"][0]).status_code == 200
