"""A video that is ready becomes findable."""

from typing import Any

import pytest

from events import VideoPlayable, VideoReady
from shared.ids import new_id
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture
def ada(database: Database) -> Person:
    return account(database, "Ada")


def found(text: str, person: Person | None = None) -> list[dict[str, Any]]:
    answer = (person or Person()).get("search", "/api/search", q=text)
    assert answer.json is not None
    results: list[dict[str, Any]] = answer.json["results"]
    return results


def documents(database: Database, video_id: str) -> list[dict[str, Any]]:
    return database.all("select * from search_document where video_id = %s", (video_id,))


def indexed_at(database: Database, video_id: str) -> Any:
    row = database.one("select indexed_at from video where id = %s", (video_id,))
    assert row is not None
    return row["indexed_at"]


def test_is_found_by_title_description_and_tags(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, "Caravan", description="Across the dunes", tags=["sahara"])
    assert found("caravan") == []
    assert deliver("index_video", VideoReady(video)).status_code == 204
    for word in ("caravan", "dunes", "sahara"):
        assert [hit["id"] for hit in found(word)] == [video]
    assert indexed_at(database, video) is not None


def test_twice_is_as_once(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, "Twice")
    event_id = new_id()
    assert deliver("index_video", VideoReady(video), event_id).status_code == 204
    before, at = documents(database, video), indexed_at(database, video)
    assert deliver("index_video", VideoReady(video), event_id).status_code == 204
    assert deliver("index_video", VideoReady(video)).status_code == 204
    assert documents(database, video) == before
    assert indexed_at(database, video) == at


def test_indexes_what_the_video_is_now(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, "Monsoon")
    deliver("index_video", VideoReady(video))
    database.all("update video set title = 'Drought', visibility = 'private' where id = %s", (video,))
    deliver("index_video", VideoReady(video))
    assert found("monsoon", ada) == []
    assert found("drought") == []
    assert [hit["id"] for hit in found("drought", ada)] == [video]


def test_a_deleted_video_is_nothing_to_do(database: Database) -> None:
    assert deliver("index_video", VideoReady("gone")).status_code == 204
    assert documents(database, "gone") == []


def test_refuses_other_events(database: Database) -> None:
    assert deliver("index_video", VideoPlayable("v")).status_code == 400


def test_an_index_that_fails_leaves_the_video_unindexed_and_is_tried_again(ada: Person, database: Database) -> None:
    video = ready_video(database, ada, "Sandstorm")
    event_id = new_id()
    database.all("alter table search_document rename to gone")
    try:
        assert deliver("index_video", VideoReady(video), event_id).status_code == 503
        assert indexed_at(database, video) is None
    finally:
        database.all("alter table gone rename to search_document")
    assert deliver("index_video", VideoReady(video), event_id).status_code == 204
    assert [hit["id"] for hit in found("sandstorm")] == [video]
