"""A changed video is found by what it is now."""

import pytest

from events import VideoReady, VideoUpdated
from tests.conftest import Database
from tests.films.rows import make_video, ready_video
from tests.functions.people import Person
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("wadi")


def found(text: str) -> list[str]:
    answer = Person().get("search", "/api/search", q=text)
    return [hit["id"] for hit in answer.json["results"]]  # type: ignore[index]


def test_it_is_found_by_its_new_name_only(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Sandstorm")
    deliver("index_video", VideoReady(video))
    assert found("sandstorm") == [video]
    creator.patch("update_video", f"/api/videos/{video}", {"title": "Drizzle"})
    for event_id in ("once" + video, "once" + video):
        assert deliver("reindex_video", VideoUpdated(video), event_id).status_code == 204
    assert (found("sandstorm"), found("drizzle")) == ([], [video])


def test_what_is_not_ready_is_not_to_be_found(database: Database, creator: Person) -> None:
    video = make_video(database, creator.user_id)
    assert deliver("reindex_video", VideoUpdated(video)).status_code == 204
    assert database.all("select 1 from search_document where video_id = %s", (video,)) == []
