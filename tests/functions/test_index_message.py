"""A message becomes findable, by whoever may see its video."""

from typing import Any

import pytest

from events import MessageSent, VideoReady
from shared.ids import new_id
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, say
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture
def ada(database: Database) -> Person:
    return account(database, "Ada")


def found(text: str, person: Person | None = None) -> list[dict[str, Any]]:
    answer = (person or Person()).get("search", "/api/search", q=text, kind="message")
    assert answer.json is not None
    results: list[dict[str, Any]] = answer.json["results"]
    return results


def test_is_found_by_what_it_says(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, "Caravan")
    message = say(ada, video, "Those camels were <b>thirsty</b>")
    assert deliver("index_message", MessageSent(video, message["id"])).status_code == 204
    (hit,) = found("camel thirsty")
    assert (hit["kind"], hit["id"], hit["video_id"], hit["title"]) == ("message", message["id"], video, "Caravan")
    assert hit["snippet"] == "Those <mark>camels</mark> were &lt;b&gt;<mark>thirsty</mark>&lt;/b&gt;"


def test_twice_is_as_once(ada: Person, database: Database) -> None:
    video = ready_video(database, ada)
    message = say(ada, video, "twice")
    event_id = new_id()
    for identifier in (event_id, event_id, new_id()):
        assert deliver("index_message", MessageSent(video, message["id"]), identifier).status_code == 204
    assert len(found("twice")) == 1


def test_in_a_private_room_it_is_the_owner_s(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, visibility="private")
    message = say(ada, video, "confidential")
    deliver("index_message", MessageSent(video, message["id"]))
    assert found("confidential") == []
    assert found("confidential", account(database, "Bob")) == []
    assert len(found("confidential", ada)) == 1


def test_follows_its_video_into_privacy_in_either_order(ada: Person, database: Database) -> None:
    video = ready_video(database, ada)
    early, late = say(ada, video, "early word"), say(ada, video, "late word")
    deliver("index_message", MessageSent(video, early["id"]))
    database.all("update video set visibility = 'private' where id = %s", (video,))
    deliver("index_video", VideoReady(video))
    deliver("index_message", MessageSent(video, late["id"]))
    assert found("word") == []
    assert len(found("word", ada)) == 2


def test_a_deleted_message_is_nothing_to_do(ada: Person, database: Database) -> None:
    assert deliver("index_message", MessageSent(ready_video(database, ada), "gone")).status_code == 204
    assert database.one("select 1 from search_document where id = 'gone'") is None


def test_refuses_other_events() -> None:
    assert deliver("index_message", VideoReady("v")).status_code == 400
