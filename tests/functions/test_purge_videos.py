"""What is left of deleted videos is removed, and looked for everywhere; whatever is found is said."""

from typing import Any

import pytest

from events import VideoDeleted
from shared.identity import Role
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import make_video, ready_video
from tests.films.stored import make_segments
from tests.functions.deleting import delete
from tests.functions.people import Person, account, assert_problem, say
from tests.functions.uploading import Uploader
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("wadi")


@pytest.fixture(scope="module")
def admin(database: Database, wadi: object) -> Person:
    return account(database, "Root", Role.ADMIN)


def purge(admin: Person, video_id: str) -> list[dict[str, Any]]:
    answer = admin.post("purge_videos", "/api/videos/purge", {"id": video_id})
    assert answer.status_code == 200, answer.text
    assert answer.json["videos"] == [video_id]  # type: ignore[index]
    left: list[dict[str, Any]] = answer.json["left"]  # type: ignore[index]
    return left


def test_it_removes_and_finds_nothing(database: Database, creator: Person, admin: Person) -> None:
    video = ready_video(database, creator, "Going")
    make_segments(database, video, ["360p"], 2)
    say(creator, video, "bye")
    delete(creator, video)
    assert purge(admin, video) == []
    assert not any(list(store.listing(f"videos/{video}/")) for store in local_stores().values())


def test_an_upload_in_progress_is_looked_for_too(uploader: Uploader, admin: Person) -> None:
    upload = uploader.begin()
    uploader.send(upload["parts"][0])
    delete(uploader.person, upload["video_id"])
    assert purge(admin, upload["video_id"]) == []


def test_what_somebody_hid_on_a_node_or_in_a_table_is_found(database: Database, creator: Person, admin: Person) -> None:
    video = make_video(database, creator.user_id)
    delete(creator, video)
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    store = next(iter(local_stores().values()))
    hidden = {f"videos/{video}/360p/0-0123abcd.m4s", f"shards/videos/{video}/360p/0-0123abcd.m4s.3"}
    for key in hidden:
        store.put(key, [b"hidden"])
    found = purge(admin, video)
    assert {each["what"] for each in found} == hidden
    assert {each["where"] for each in found} == {f"node {store.id}"}
    for key in hidden:
        store.delete(key)
    database.all("update video set title = 'still here' where id = %s", (video,))
    assert [each["where"] for each in purge(admin, video)] == ["table video"]


def test_a_node_that_is_away_cannot_be_vouched_for(database: Database, creator: Person, admin: Person) -> None:
    video = make_video(database, creator.user_id)
    segments = make_segments(database, video, ["360p"], 6)
    root = local_stores()["node-1"].root
    away = root.with_name("away")
    root.rename(away)
    try:
        delete(creator, video)
        found = purge(admin, video)
        assert {each["where"] for each in found} == {"node node-1"}
        assert any("cannot be looked at" in each["what"] for each in found)
        assert len(segments) == 6
    finally:
        away.rename(root)
    assert purge(admin, video) == []


def test_all_of_them_in_pages(database: Database, creator: Person, admin: Person) -> None:
    for _ in range(3):
        delete(creator, make_video(database, creator.user_id))
    deleted = [row["id"] for row in database.all("select id from video where state = 'deleted' order by id")]
    seen: list[str] = []
    body: dict[str, Any] = {"limit": 2}
    while True:
        page: Any = admin.post("purge_videos", "/api/videos/purge", body).json
        seen += page["videos"]
        if page["next"] is None:
            break
        body["after"] = page["next"]
    assert seen == deleted


def test_what_is_not_deleted_is_not_touched(database: Database, creator: Person, admin: Person) -> None:
    video = ready_video(database, creator)
    assert_problem(admin.post("purge_videos", "/api/videos/purge", {"id": video}), 409, "wrong-state")
    assert_problem(admin.post("purge_videos", "/api/videos/purge", {"id": "none"}), 404, "not-found")
    assert creator.get("get_video", f"/api/videos/{video}").status_code == 200
