"""What has arrived, so that any client can go on after any break."""

import pytest

from shared.identity import Role
from tests.conftest import Database
from tests.contract.object_nodes import serve_objects
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import BYTES, PART, Uploader, sha256


def test_it_tells_which_parts_are_there(uploader: Uploader) -> None:
    upload = uploader.begin()
    uploader.send(upload["parts"][1])
    answer = uploader.get(upload["id"])
    assert answer.status_code == 200
    found = answer.json
    assert found is not None
    assert [part["received"] for part in found["parts"]] == [False, True, False]
    assert found["parts"][1]["sha256"] == sha256(BYTES[PART : 2 * PART])
    assert "sha256" not in found["parts"][0]
    assert {name: found[name] for name in ("id", "video_id", "size", "part_size", "expires_at", "state")} == {
        name: upload[name] for name in ("id", "video_id", "size", "part_size", "expires_at", "state")
    }


def test_a_client_that_lost_everything_goes_on(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client starts again with nothing but the id, and the object server was restarted, at another address."""
    upload = uploader.begin()
    uploader.send(upload["parts"][0])
    with serve_objects() as url:
        monkeypatch.setenv("PUBLIC_URL", url)
        found = uploader.get(upload["id"]).json
        assert found is not None
        missing = [part for part in found["parts"] if not part["received"]]
        assert [part["number"] for part in missing] == [2, 3]
        for part in missing:
            assert part["url"].startswith(url)
            assert uploader.send(part).status_code == 200
    assert uploader.complete(upload["id"]).status_code == 202


def test_a_completed_upload_has_all_its_parts(uploader: Uploader) -> None:
    upload = uploader.begin(10)
    uploader.send_all(upload)
    uploader.complete(upload["id"])
    found = uploader.get(upload["id"]).json
    assert found is not None
    assert (found["state"], [part["received"] for part in found["parts"]]) == ("completed", [True])


def test_only_the_owner_and_an_admin_see_it(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin()
    path = f"/api/uploads/{upload['id']}"
    assert_problem(account(database, "Eve").get("get_upload", path), 404, "not-found")
    assert_problem(Person().get("get_upload", path), 401, "not-authenticated")
    assert account(database, "Admin", Role.ADMIN).get("get_upload", path).status_code == 200


def test_unknown_aborted_expired(uploader: Uploader, database: Database) -> None:
    assert_problem(uploader.get("01890000-0000-7000-8000-000000000000"), 404, "not-found")
    upload = uploader.begin()
    uploader.abort(upload["id"])
    assert "aborted" in assert_problem(uploader.get(upload["id"]), 410, "gone")["detail"]
    upload = uploader.begin()
    database.all("update upload set expires_at = now() - interval '1 second' where id = %s", (upload["id"],))
    assert "expired" in assert_problem(uploader.get(upload["id"]), 410, "gone")["detail"]
