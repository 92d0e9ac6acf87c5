"""What only OpenSearch does: it may be away, it shows messages a moment later, its client wants a module of ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import MessageSent, VideoReady
from shared import db
from shared.config import ConfigError
from shared.search import open_index
from shared.search.cached_search import cached_search
from tests.conftest import Database, Wadi
from tests.contract.search_indexes import own_index, refresh
from tests.films.rows import ready_video
from tests.functions.people import Person, _app, account, assert_problem, say
from tests.functions.waking import deliver
from tests.real import need

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture(scope="module")
def ada(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSEARCH_URL", "http://ada:secret@127.0.0.1:1")


@pytest.fixture
def index() -> Iterator[str]:
    """What is written is not shown by itself within this test."""
    with own_index(need("opensearch"), OPENSEARCH_REFRESH_MS="600000") as alias:
        yield alias


def found(text: str, viewer: str | None = None) -> list[str]:
    with db.transaction() as tx:
        return [hit.id for hit in cached_search(tx, text, viewer=viewer, kind=None, limit=20, cursor=None).results]


def run(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_its_client_finds_the_class_that_it_looks_for_in_our_package() -> None:
    said = run(
        "import sys, events, shared.search.opensearch.client as ours\n"
        "from opensearchpy import OpenSearch\n"
        "import events as after\n"
        "assert after is events is sys.modules['events']\n"
        "assert events.VideoReady('v').video_id == 'v' and 'Events' not in events.__all__\n"
        "print(events.__file__, events.Events.__module__)"
    )
    assert said.split() == [str(ROOT / "events" / "__init__.py"), "events_of_opensearch"]


def test_without_ours_it_cannot_be_imported() -> None:
    """If this fails, the client no longer needs our help: shared/search/opensearch/client.py may forget about it."""
    run(
        "import events\n"
        "try:\n    import opensearchpy\n"
        "except ImportError as error:\n    assert 'Events' in str(error)\n"
        "else:\n    raise SystemExit('it can')"
    )


def test_its_client_is_not_loaded_before_it_is_used() -> None:
    run(
        "import os, sys\n"
        "from shared.runtime.serve import create_app\n"
        "os.environ['OPENSEARCH_URL'] = 'http://127.0.0.1:1'\n"
        "from shared.runtime.readiness import readiness_of_function\n"
        "create_app('search')\n"
        "assert readiness_of_function().degraded['search']\n"
        "assert 'opensearchpy' not in sys.modules"
    )


@pytest.mark.parametrize("url", ["127.0.0.1:9200", "ftp://x", "http://", "http://x:port", "http://a:1,nonsense"])
def test_a_url_that_is_none_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSEARCH_URL", url)
    with db.transaction() as tx, pytest.raises(ConfigError, match="OPENSEARCH_URL is not of the form"):
        open_index(tx).search("camel", viewer=None)


def test_away_search_says_so(away: None) -> None:
    assert_problem(Person().get("search", "/api/search", q="camel"), 503, "unavailable")
    ready = _app("search").test_client().get("/ready")
    assert ready.status_code == 200, "all else still works; search answers by itself"
    assert ready.json["backends"]["search"] == "down"
    reason = ready.json["degraded"]["search"]
    assert reason.startswith("OPENSEARCH_URL: 127.0.0.1:1 does not answer: ")
    assert "secret" not in reason


def test_away_what_is_to_be_indexed_is_tried_again(
    ada: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = ready_video(database, ada, "Camel")
    with monkeypatch.context() as patch:
        patch.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
        problem = assert_problem(deliver("index_video", VideoReady(film), "one"), 503, "unavailable")
        assert "OPENSEARCH_URL: 127.0.0.1:1" in problem["detail"]
    assert database.one("select indexed_at from video where id = %s", (film,)) == {"indexed_at": None}
    with own_index(need("opensearch")):
        assert deliver("index_video", VideoReady(film), "one").status_code == 204
        assert found("camel") == [film]


def test_one_that_answers_is_ready(index: str) -> None:
    ready = _app("search").test_client().get("/ready")
    assert ready.json["backends"]["search"] == "ok"


def test_an_index_of_another_version_is_named(index: str) -> None:
    from shared.search.opensearch import mapping
    from shared.search.opensearch.client import client

    mapping.make(client(), f"{index}-v0-20200101-000000-000000", behind=index)
    ready = _app("search").test_client().get("/ready")
    assert "`wadi reindex`" in ready.json["degraded"]["search"]


def test_an_index_that_was_never_written_finds_nothing(index: str) -> None:
    assert found("camel") == []


def test_a_video_is_found_and_hidden_at_once(index: str, ada: Person, database: Database) -> None:
    film = ready_video(database, ada, "Camel")
    message = say(ada, film, "camel talk")["id"]
    deliver("index_message", MessageSent(film, message))
    deliver("index_video", VideoReady(film))
    assert set(found("camel")) == {film, message}
    database.all("update video set visibility = 'private' where id = %s", (film,))
    deliver("index_video", VideoReady(film))
    with db.transaction() as tx:  # the index itself
        assert open_index(tx).search("camel", viewer=None).results == []
        assert len(open_index(tx).search("camel", viewer=ada.user_id).results) == 2
        open_index(tx).remove_video(film)
        assert open_index(tx).search("camel", viewer=ada.user_id).results == []


def test_an_answer_is_not_kept_before_the_index_shows_what_was_written(
    index: str, ada: Person, database: Database
) -> None:
    film = ready_video(database, ada, "Oasis")
    deliver("index_video", VideoReady(film))
    message = say(ada, film, "dromedary")["id"]
    deliver("index_message", MessageSent(film, message))
    assert found("dromedary") == [], "it is not shown yet"
    refresh()
    assert found("dromedary") == [message], "and that was not kept"


def test_a_write_that_arrives_late_does_not_undo_a_later_one(index: str, ada: Person, database: Database) -> None:
    film = ready_video(database, ada, "Second")
    deliver("index_video", VideoReady(film))
    row = database.one("select last_value as number from search_revision")
    assert row is not None
    database.all("update video set title = 'First' where id = %s", (film,))
    database.all("select setval('search_revision', 1)")  # from here on, what is written was sent long ago
    assert deliver("index_video", VideoReady(film)).status_code == 204
    database.all("select setval('search_revision', %s)", (row["number"],))
    assert found("second") == [film]
    assert found("first") == []
