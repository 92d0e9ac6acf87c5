"""Documents of older words are indexed again (of both engines: tests/contract/test_rebuild.py)."""

from typing import Any

import pytest

from events import VideoReady
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person
from tests.functions.waking import deliver, ping

pytestmark = pytest.mark.usefixtures("wadi")


def document(database: Database, video: str) -> dict[str, Any]:
    (row,) = database.all("select version, vector::text as words from search_document where video_id = %s", (video,))
    return row


def test_documents_of_older_words_are_indexed_again(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Straße")
    deliver("index_video", VideoReady(video))
    current = document(database, video)
    assert "strasse" in current["words"]
    database.all("update search_document set version = 1, vector = ''")
    assert ping("renew_index").status_code == 204
    assert document(database, video) == current


def test_current_documents_are_left_alone(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Sandstorm")
    deliver("index_video", VideoReady(video))
    database.all("update search_document set vector = '' where video_id = %s", (video,))
    assert ping("renew_index").status_code == 204
    assert document(database, video)["words"] == ""
