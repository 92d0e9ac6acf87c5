"""Its owner changes what a video is called, and who may see it."""

from typing import Any

import pytest

from events import MessageSent, VideoReady, VideoUpdated
from shared.identity import Role
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem, say
from tests.functions.uploading import Uploader, events
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("wadi")


def update(person: Person, video_id: str, **changes: Any) -> Any:
    return person.patch("update_video", f"/api/videos/{video_id}", changes)


def test_what_is_named_changes_and_the_rest_stays(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Dune", description="sand", tags=["dry"])
    answer = update(creator, video, title="  Oasis ")
    assert answer.status_code == 200
    shown = creator.get("get_video", f"/api/videos/{video}").json
    assert answer.json == shown
    assert (shown["title"], shown["description"], shown["tags"]) == ("Oasis", "sand", ["dry"])
    answer = update(creator, video, description="", tags=["wet", "wet", " "])
    assert (answer.json["title"], answer.json["description"], answer.json["tags"]) == ("Oasis", "", ["wet"])
    assert events(database, VideoUpdated.type, video) == [{"video_id": video}] * 2


def test_nothing_changed_nothing_told(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Same")
    assert update(creator, video, title="Same").status_code == update(creator, video).status_code == 200
    assert events(database, VideoUpdated.type, video) == []


def test_while_it_is_uploaded_and_an_empty_title_is_the_name_of_the_file(uploader: Uploader) -> None:
    """What a client says that takes an upload up again, with other words than the first one's."""
    upload = uploader.begin(name="desert rain.mp4", title="Ours")
    answer = update(uploader.person, upload["video_id"], title="", visibility="private")
    assert (answer.status_code, answer.json["state"]) == (200, "uploading")
    uploader.send_all(upload)
    video = uploader.complete(upload["id"]).json
    assert video
    assert (video["title"], video["visibility"]) == ("desert rain", "private")


def test_made_private_it_is_hidden_at_once_with_its_messages(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Mirage")
    said = say(creator, video, "mirage?")
    deliver("index_video", VideoReady(video))
    deliver("index_message", MessageSent(video, said["id"]))
    assert len(Person().get("search", "/api/search", q="mirage").get_json()["results"]) == 2
    assert update(creator, video, visibility="private").json["visibility"] == "private"
    assert Person().get("search", "/api/search", q="mirage").get_json()["results"] == []
    assert_problem(Person().get("get_video", f"/api/videos/{video}"), 404, "not-found")
    assert creator.get("get_video", f"/api/videos/{video}").status_code == 200


def test_only_its_owner_and_admins_may(database: Database, creator: Person) -> None:
    video = ready_video(database, creator)
    assert_problem(update(Person(), video, title="x"), 401, "not-authenticated")
    assert_problem(update(account(database, "Eve"), video, title="x"), 404, "not-found")
    assert update(account(database, "Admin", Role.ADMIN), video, title="x").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"title": "x" * 201}, "title"), ({"visibility": "secret"}, "visibility"), ({"tags": ["x"] * 30}, None)],
)
def test_what_is_refused(database: Database, creator: Person, changes: dict[str, Any], field: str | None) -> None:
    video = ready_video(database, creator, "Before")
    if field is None:
        changes = {"tags": [f"tag {number}" for number in range(30)]}
    assert_problem(update(creator, video, **changes), 400, "invalid-request")
    assert creator.get("get_video", f"/api/videos/{video}").get_json()["title"] == "Before"
