"""What every search index does."""

import itertools
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared import db
from shared.search import BadCursor, Document, SearchIndex, open_index
from tests.conftest import Database
from tests.contract.search_indexes import ENGINES, empty_index, only, put, titles, video

_numbers = itertools.count(1)


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, database: Database) -> Iterator[SearchIndex]:
    with empty_index(request.param) as index:
        yield index


def message(of: Document, body: str) -> Document:
    number = f"m{next(_numbers):06d}"
    return Document(
        kind="message",
        id=number,
        video_id=of.video_id,
        owner_id=of.owner_id,
        visibility=of.visibility,
        title=of.title,
        body=body,
    )


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Running in the desert", "run"),
        ("A run in the desert", "running"),
        ("A run in the desert", "runs deserts"),
        ("Running in the desert", "DESERT Running"),
        ("Café au lait", "cafe"),
        ("Cafe au lait", "café"),
        ("Cafe\u0301 au lait", "caf\u00e9"),
        ("Ёлка", "елка"),
        ("my_holiday-2024.final.mp4", "holiday 2024"),
        ("my_holiday-2024.final.mp4", "my_holiday-2024.final.mp4"),
        ("Die Straße nach Süden", "sudEN straße"),
        ("Fahrten durch Täler", "Fahrten"),
        ("وادي رم في الصباح", "وادي"),
        ("नदी का पानी", "नदी पानी"),
        ("Водопады Кавказа", "водопады"),
        ("河谷的雨季", "河谷的雨季"),
        ("한국의 강", "강 한국의"),
        ("The Who live", "the who"),
        ("To be or not to be", "to be"),
        ("O'Reilly on rivers", "o'reilly"),
        ("4k 60fps", "4k"),
        ("Version 3.5 of x86", "3.5"),
    ],
)
def test_finds(index: SearchIndex, title: str, query: str) -> None:
    put(index, video(title), video("Something else, of which nothing is searched for"))
    assert len(titles(index, query)) == 1


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Running in the desert", "desert rain"),
        ("Running in the desert", "unning"),
        ("가", '"각"'),
        ("नदी", '"नद"'),
        ("が", '"か"'),
    ],
)
def test_does_not_find(index: SearchIndex, title: str, query: str) -> None:
    put(index, video(title))
    assert titles(index, query) == []


def test_last_word_may_be_unfinished_and_only_the_last(index: SearchIndex) -> None:
    put(index, video("Waterfall of the Jordan"))
    assert titles(index, "w") == ["Waterfall of the Jordan"]
    assert titles(index, "jordan waterf") == ["Waterfall of the Jordan"]
    assert titles(index, "jordan runn") == []
    assert titles(index, "waterf jordan") == []
    assert titles(index, '"waterf"') == []


def test_unfinished_word_matches_beyond_its_stem(index: SearchIndex) -> None:
    put(index, video("Generations"))
    for length in range(1, len("generations") + 1):
        assert titles(index, "generations"[:length]) == ["Generations"]


def test_title_before_description_before_tags_before_messages(index: SearchIndex) -> None:
    by_tag = video("By tag", "", ["wadi"])
    by_body = video("By description", "wadi " * 50)
    by_title = video("Far down in a long title there is the one word, wadi")
    by_message = message(by_tag, "wadi wadi wadi wadi")
    put(index, by_message, by_tag, by_body, by_title)
    assert [hit.id for hit in index.search("wadi", viewer=None).results] == [
        by_title.id,
        by_body.id,
        by_tag.id,
        by_message.id,
    ]
    scores = [hit.score for hit in index.search("wadi", viewer=None).results]
    assert scores == sorted(scores, reverse=True)


def test_words_may_be_spread_over_the_texts_of_a_video(index: SearchIndex) -> None:
    put(index, video("Desert", "with rain", ["night"]), video("Desert", "without", ["night"]))
    assert titles(index, "desert rain night") == ["Desert"]


def test_message_is_found_by_what_it_says_only(index: SearchIndex) -> None:
    film = video("Desert")
    put(index, film, message(film, "What a lovely camel"))
    assert [hit.kind for hit in index.search("desert", viewer=None).results] == ["video"]
    hit = only(index, "camels")
    assert (hit.kind, hit.video_id, hit.title, hit.snippet) == (
        "message",
        film.video_id,
        "Desert",
        "What a lovely <mark>camel</mark>",
    )


def test_kind(index: SearchIndex) -> None:
    film = video("Camel")
    put(index, film, message(film, "camel"))
    assert [hit.kind for hit in index.search("camel", viewer=None).results] == ["video", "message"]
    assert [hit.kind for hit in index.search("camel", viewer=None, kind="video").results] == ["video"]
    assert [hit.kind for hit in index.search("camel", viewer=None, kind="message").results] == ["message"]


def test_operators(index: SearchIndex) -> None:
    put(index, video("red desert"), video("desert red sand"), video("blue sea"), video("red sea"))
    assert set(titles(index, '"red desert"')) == {"red desert"}
    assert set(titles(index, "red -sea")) == {"red desert", "desert red sand"}
    assert set(titles(index, 'red -"red desert" -sea')) == {"desert red sand"}
    assert set(titles(index, "sand OR blue")) == {"desert red sand", "blue sea"}
    assert set(titles(index, "sea -red OR sand")) == {"blue sea", "desert red sand"}
    assert titles(index, "-sea") == []
    assert titles(index, "🏞 -sea") == []
    assert titles(index, "the -sea") == []
    assert set(titles(index, '"red des')) == {"red desert"}


def test_stop_words_are_not_insisted_on(index: SearchIndex) -> None:
    put(index, video("River of dreams"))
    assert titles(index, "the river") == ["River of dreams"]
    assert titles(index, "the") == []


def test_private_videos_and_their_messages_are_their_owner_s(index: SearchIndex) -> None:
    film = video("Secret camel", owner_id="ada", visibility="private")
    put(index, film, message(film, "A secret word"))
    for text in ("camel", "word", "secret"):
        assert titles(index, text) == []
        assert titles(index, text, viewer="bob") == []
        assert set(titles(index, text, viewer="ada")) == {"Secret camel"}


def test_putting_again_replaces(index: SearchIndex) -> None:
    film = video("Camel", "sand", ["night"])
    said = message(film, "hello")
    put(index, film, said, film, said)
    film.title, film.body, film.tags, film.visibility, film.owner_id = "Oasis", "water", ["day"], "private", "ada"
    put(index, film)
    for text in ("camel", "sand", "night"):
        assert titles(index, text, viewer="ada") == []
    for text in ("oasis", "water", "day"):
        assert titles(index, text, viewer="ada") == ["Oasis"]
    assert titles(index, "hello", viewer="ada") == ["Oasis"], "messages go with their video"
    assert titles(index, "hello") == []


def test_removed_videos_go_with_their_messages(index: SearchIndex) -> None:
    film, other = video("Camel"), video("Camel too")
    put(index, film, other, message(film, "camel talk"))
    index.remove_video(film.video_id)
    index.remove_video(film.video_id)
    assert titles(index, "camel") == ["Camel too"]


def test_highlights_are_escaped_and_in_the_original_spelling(index: SearchIndex) -> None:
    put(index, video("<b>Café</b> & <script>", "Running <i>runs</i> & \"run\" [run] 'x' \u0002", ["x"]))
    hit = only(index, "cafe run")
    assert hit.title == "<b>Café</b> & <script>"
    assert hit.title_html == "&lt;b&gt;<mark>Café</mark>&lt;/b&gt; &amp; &lt;script&gt;"
    assert hit.snippet == (
        "<mark>Running</mark> &lt;i&gt;<mark>runs</mark>&lt;/i&gt; &amp; &quot;<mark>run</mark>&quot; "
        "[<mark>run</mark>] &#x27;x&#x27; \u0002"
    )


def test_highlights_unfinished_words_whole(index: SearchIndex) -> None:
    put(index, video("Riverbeds"))
    assert only(index, "riv").title_html == "<mark>Riverbeds</mark>"


def test_snippet_shows_the_place_that_matched(index: SearchIndex) -> None:
    put(index, video("Long", "before " * 100 + "<needle> " + "after " * 100))
    snippet = only(index, "needle").snippet
    assert "&lt;<mark>needle</mark>&gt; after" in snippet
    assert snippet.startswith("… before")
    assert snippet.endswith("after …")
    assert len(snippet) < 260


def test_snippet_of_what_did_not_match_is_the_beginning(index: SearchIndex) -> None:
    put(index, video("Camel", "It begins here. " + "word " * 100))
    assert only(index, "camel").snippet.startswith("It begins here. word")


def test_pages_are_stable_and_complete(index: SearchIndex) -> None:
    documents = [video(f"Camel {'camel ' * (number % 3)}", "camel " * (number % 5)) for number in range(25)]
    put(index, *documents)
    whole = [hit.id for hit in index.search("camel", viewer=None, limit=100).results]
    assert set(whole) == {document.id for document in documents}
    pages: list[str] = []
    cursor = None
    while True:
        page = index.search("camel", viewer=None, limit=7, cursor=cursor)
        pages += [hit.id for hit in page.results]
        if not page.next:
            break
        assert len(page.results) == 7
        cursor = page.next
        put(index, video("Came between two pages", tags=["camel"]))  # the worst match: at the end
    assert pages[:25] == whole


def test_the_last_full_page_has_no_next(index: SearchIndex) -> None:
    put(index, *(video("Camel") for _ in range(4)))
    page = index.search("camel", viewer=None, limit=2)
    assert page.next
    last = index.search("camel", viewer=None, limit=2, cursor=page.next)
    assert len(last.results) == 2
    assert not last.next


@pytest.mark.parametrize("cursor", ["", "x", "?", "é", "AAAA", "MS4wMDAwMDAg", "bmFuIHg", "MWU5OTk5OSB4", "x" * 9999])
def test_refuses_a_cursor_that_it_did_not_give(index: SearchIndex, cursor: str) -> None:
    put(index, video("Camel"))
    with pytest.raises(BadCursor):
        index.search("camel", viewer=None, cursor=cursor)


@given(st.text(max_size=80) | st.text(alphabet="'\"\\:*&|!()<->- \0\n%aOR", max_size=40))
@example("'")
@example("\\")
@example("!!! :* <-> & | ( )")
@example('"')
@example('-"')
@example("OR OR -a OR")
@example("the of and")
@example("🏞🐪")
@example("%s %(x)s")
@example("\0")
@example("x" * 10_000)
@example("word " * 2_000)
@example("-word " * 2_000)
@example("word OR " * 2_000)
@example("http://user@example.org:80/a/b?c=d&e#f <tag attr='x'> &amp; 1e5 -1.5e-7 a@b.c /usr/bin")
@example("\ud800")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_may_be_searched_for_and_stored(index: SearchIndex, text: str) -> None:
    text = text.encode(errors="replace").decode()  # as a request's text is
    index.search(text, viewer=None)
    put(index, video(text, text, [text]))
    for hit in index.search(text[:200], viewer=None).results:
        assert "<mark>" in hit.title_html + hit.snippet


def test_long_texts_are_found_by_their_beginning(index: SearchIndex) -> None:
    put(index, video("Long", "camel " + " ".join(f"word{number}" for number in range(200_000))))
    assert titles(index, "camel") == ["Long"]


def test_postgres_searches_by_its_index(database: Database) -> None:
    """The statement that is run, as it is run, on a table where a scan would be slow."""
    with db.transaction() as tx:
        index = open_index(tx)
        put(index, video("Camel in the desert"))
        tx.execute(
            """
            insert into search_document select 'video', 'n' || n, 'n' || n, 'owner', 'public', 'Title', '', '{}',
                to_tsvector('simple', 'title ' || n) from generate_series(1, 20000) as n
            """
        )
    database_connection = database.connect()
    database_connection.autocommit = True
    with closing(database_connection) as connection, connection.cursor() as cursor:
        cursor.execute("vacuum analyze search_document")
        cursor.execute("load 'auto_explain'")
        cursor.execute("set auto_explain.log_min_duration = 0")
        cursor.execute("set client_min_messages = log")
        transaction = db.Transaction(connection, "/wadi")
        for options in ({"viewer": None}, {"viewer": "ada", "kind": "video"}):
            connection.notices.clear()
            assert titles(open_index(transaction), "camel des", **options) == ["Camel in the desert"]
            plan = "".join(notice for notice in connection.notices if "search_document" in notice)
            assert "Bitmap Index Scan on search_document_vector" in plan
            assert "Seq Scan" not in plan
