"""GET /api/search: what the index does is in tests/contract/test_search.py; here is what goes in and out by HTTP."""

from typing import Any

import pytest

from events import MessageSent, VideoReady
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem, say
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("database", "wadi")


@pytest.fixture(scope="module")
def ada(database: Database, wadi: object) -> Person:
    return account(database, "Ada")


@pytest.fixture(scope="module")
def films(ada: Person, database: Database) -> list[str]:
    """Three public videos, with a message in the first, and a private one with a message; their ids."""
    films = [ready_video(database, ada, f"Camel {number}", description="<in> the desert") for number in range(3)]
    films.append(ready_video(database, ada, "Secret camel", visibility="private"))
    for film in films:
        deliver("index_video", VideoReady(film))
    for film in (films[0], films[3]):
        deliver("index_message", MessageSent(film, say(ada, film, "My camel!")["id"]))
    return films


def ask(person: Person | None = None, **query: Any) -> Any:
    return (person or Person()).get("search", "/api/search", **query)


def videos(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["video_id"] for hit in answer.json["results"] if hit["kind"] == "video"]


def test_answers_what_was_found(films: list[str]) -> None:
    answer = ask(q="camel 2")
    (hit,) = answer.json["results"]
    assert hit == {
        "kind": "video",
        "id": films[2],
        "video_id": films[2],
        "title": "Camel 2",
        "title_html": "<mark>Camel</mark> <mark>2</mark>",
        "snippet": "&lt;in&gt; the desert",
        "score": hit["score"],
    }
    assert hit["score"] > 0
    assert "next" not in answer.json


def test_private_videos_and_their_messages_are_their_owner_s(films: list[str], ada: Person, database: Database) -> None:
    for other in (Person(), account(database, "Bob")):
        answer = ask(other, q="camel")
        assert set(videos(answer)) == set(films[:3])
        assert films[3] not in answer.text
    answer = ask(ada, q="camel")
    assert set(videos(answer)) == set(films)
    assert [hit["video_id"] for hit in answer.json["results"]].count(films[3]) == 2


def test_kind(films: list[str]) -> None:
    assert {hit["kind"] for hit in ask(q="camel").json["results"]} == {"video", "message"}
    assert {hit["kind"] for hit in ask(q="camel", kind="message").json["results"]} == {"message"}
    assert {hit["kind"] for hit in ask(q="camel", kind="video").json["results"]} == {"video"}


def test_pages(films: list[str]) -> None:
    whole = ask(q="camel").json["results"]
    first = ask(q="camel", limit=3).json
    second = ask(q="camel", limit=3, cursor=first["next"]).json
    assert first["results"] + second["results"] == whole
    assert "next" not in second


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": "camel", "limit": 0}, "limit"),
        ({"q": "camel", "limit": 101}, "limit"),
        ({"q": "camel", "limit": "ten"}, "limit"),
        ({"q": "camel", "kind": "person"}, "kind"),
        ({"q": "camel", "cursor": "nonsense"}, "cursor"),
        ({"q": "", "cursor": "nonsense"}, "cursor"),
    ],
)
def test_refuses(query: dict[str, Any], field: str, films: list[str]) -> None:
    problem = assert_problem(ask(**query), 400, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "'",
        '"',
        "\\",
        "!",
        "&|!():*<->",
        ":*",
        "-",
        "-camel",
        "OR",
        "🏞",
        "the",
        "%",
        "%s",
        "x" * 10_000,
        "a " * 5000,
    ],
)
def test_odd_queries_are_answered(text: str, films: list[str]) -> None:
    assert ask(q=text).status_code == 200


def test_bytes_that_are_no_text_are_answered(films: list[str]) -> None:
    assert Person().get("search", "/api/search?q=camel+%ff%fe").status_code == 200
    assert_problem(Person().get("search", "/api/search?q=camel%00"), 400, "invalid-request")


def test_refuses_a_bad_token(films: list[str]) -> None:
    assert_problem(ask(Person("nonsense"), q="camel"), 401, "not-authenticated")


def test_a_video_that_is_private_or_gone_is_not_found_while_it_still_is_in_the_index(
    ada: Person, database: Database
) -> None:
    hidden, removed, kept = (ready_video(database, ada, f"Quagga {number}") for number in range(3))
    for film in (hidden, removed, kept):
        deliver("index_video", VideoReady(film))
    deliver("index_message", MessageSent(hidden, say(ada, hidden, "Quagga!")["id"]))
    assert set(videos(ask(q="quagga"))) == {hidden, removed, kept}
    database.all("update video set visibility = 'private' where id = %s", (hidden,))
    database.all("delete from video where id = %s", (removed,))
    for _ in range(2):  # made, and kept
        assert {hit["video_id"] for hit in ask(q="quagga").json["results"]} == {kept}
        assert {hit["video_id"] for hit in ask(ada, q="quagga").json["results"]} == {hidden, kept}


def test_an_answer_is_kept_until_the_index_changes(ada: Person, database: Database) -> None:
    film = ready_video(database, ada, "Okapi")
    deliver("index_video", VideoReady(film))
    assert videos(ask(q="Okapi")) == [film]
    database.all("update search_document set vector = '' where id = %s", (film,))  # not by the index: it cannot know
    assert videos(ask(q="  okapi ")) == [film], "the same query, however it is written"
    assert videos(ask(ada, q="okapi")) == [], "another viewer's answer is not theirs"
    assert videos(ask(q="okapi", kind="video")) == []
    deliver("index_video", VideoReady(film))
    assert videos(ask(ada, q="okapi")) == [film], "a write to the index makes all answers anew"
