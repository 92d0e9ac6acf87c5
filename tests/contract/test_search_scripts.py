"""What is found in every script, and in names that are not only letters, in both engines alike."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.search import SearchIndex
from tests.conftest import Database
from tests.contract.search_indexes import ENGINES, empty_index, only, put, titles, video


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, database: Database) -> Iterator[SearchIndex]:
    with empty_index(request.param) as index:
        yield index


FOUND = [
    ("東京タワーの夜景", "タワー"),
    ("東京タワーの夜景", "夜景"),
    ("東京タワーの夜景", "京"),
    ("東京タワーの夜景", "景"),
    ("東京タワーの夜景", '"京"'),
    ("東京タワーの夜景", "タワー 夜景"),
    ("東京タワーの夜景", "たわー"),
    ("東京ﾀﾜｰの夜景", "タワー"),
    ("北京欢迎你", "欢迎"),
    ("北京欢迎你", "迎你"),
    ("서울타워 야경", "타워"),
    ("서울타워 야경", "울타"),
    ("ประเทศไทยสวยงาม", "ไทย"),
    ("ພາສາລາວ", "ລາວ"),
    ("ភាសាខ្មែរ", "ខ្មែរ"),
    ("မြန်မာဘာသာ", "ဘာသာ"),
    ("iPhone15発売", "発売"),
    ("iPhone15発売", "iphone15"),
    ("iPhone15発売", "iPhone15発売"),
    ("発売iPhone", '"発売iPhone"'),
    ("\uff49\uff30\uff48\uff4f\uff4e\uff45", "iphone"),
    ("مُقَدِّمَةٌ", "مقدمة"),
    ("مقدمة", "مُقَدِّمَةٌ"),
    ("שלום", "שָׁלוֹם"),
    ("café", "cafe"),
    ("cafe", "café"),
    ("Tiếng Việt ở Đà Nẵng", "tieng viet da nang"),
    ("Straße", "strasse"),
    ("STRASSE", "straße"),
    ("İstanbul", "istanbul"),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσεύς"),
    ("ﬁne ﬂat", "fine flat"),
    ("हिन्दी", "हिन्दी"),
    ("Learn C++ in a day", "c++"),
    ("Learn C++ in a day", "c+"),
    ("Learn C++17 in a day", "c++"),
    ("Learn C# in a day", "c#"),
    ("Learn F# in a day", "f#"),
    ("Learn .NET in a day", ".net"),
    ("Learn Node.js in a day", "node.js"),
    ("Learn Node.js in a day", "node"),
    ("The history of AT&T", "at&t"),
    ("R&B of the nineties", "r&b"),
    ("A 3D film in 4K", "3d 4k"),
    ("A day in Petra 🏜️", "🏜"),
    ("A day in Petra 🏜", "🏜️"),
    ("Petra🏜and more", "🏜"),
    ("She is an 👩‍🚀", "👩‍🚀"),
    ("She is an 👩‍🚀", "🚀"),
    ("Well done 👍🏽", "👍"),
    ("Well done 👍", "👍🏿"),
    ("🇩🇪🇫🇷 friends", "🇫🇷"),
]


@pytest.mark.parametrize(("title", "query"), FOUND)
def test_finds(index: SearchIndex, title: str, query: str) -> None:
    put(index, video(title), video("Something else, of which nothing is searched for"))
    assert titles(index, query) == [title]
    assert "<mark>" in only(index, query).title_html


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Cats, cars and C", "c++"),
        ("C# and cats", "c++"),
        ("C++ and cats", "c#"),
        ("networks and nets", ".net"),
        ("Who is at the door? T", "at&t"),
        ("東京と京都", "都京"),
        ("京とタワーと東", "東京"),
        ("नदी", '"नद"'),
        ("किताब", '"कताब"'),
        ("ガス", "カス"),
        ("가", '"각"'),
        ("🇩🇪🇫🇷", "🇪🇫"),
        ("Well done 👍", "👎"),
        ("東京", "東京タワー"),
    ],
)
def test_does_not_find(index: SearchIndex, title: str, query: str) -> None:
    put(index, video(title))
    assert titles(index, query) == []


@pytest.mark.parametrize(
    ("title", "query", "marked"),
    [
        ("東京タワーの夜景", "タワー", "東京<mark>タワー</mark>の夜景"),
        ("東京タワーの夜景", "京", "東<mark>京</mark>タワーの夜景"),
        ("東京タワーの夜景", "夜景 東京", "<mark>東京</mark>タワーの<mark>夜景</mark>"),
        ("in der Straße 9", "strasse", "in der <mark>Straße</mark> 9"),
        ("C++ & C#", "c++", "<mark>C++</mark> &amp; C#"),
        ("C, then C++", "c++", "C, then <mark>C++</mark>"),
        ("مُقَدِّمَةٌ قصيرة", "مقدمة", "<mark>مُقَدِّمَةٌ</mark> قصيرة"),
        ("Well done 👍🏽!", "👍", "Well done <mark>👍🏽</mark>!"),
        ("ｶﾞｷﾞｸﾞ", "ギグ", "ｶﾞ<mark>ｷﾞｸﾞ</mark>"),
        (
            "To be at the rivers of a river",
            '"at the river"',
            "To be at the <mark>rivers</mark> of a <mark>river</mark>",
        ),
    ],
)
def test_marks_what_was_found(index: SearchIndex, title: str, query: str, marked: str) -> None:
    put(index, video(title))
    assert only(index, query).title_html == marked


def test_a_phrase_stays_within_a_text(index: SearchIndex) -> None:
    put(index, video("red", "desert", ["sand"]))
    assert titles(index, "red desert sand") == ["red"]
    for phrase in ('"red desert"', '"desert sand"', '"red sand"', '"sand desert"'):
        assert titles(index, phrase) == []


def test_exclusion_of_one_letter(index: SearchIndex) -> None:
    put(index, video("東京 夜"), video("大阪 夜"))
    assert titles(index, "夜 -京") == ["大阪 夜"]


@pytest.mark.parametrize(
    "text",
    [
        "東京タワーの夜景" * 1250,
        "京 " * 5000,
        '"' + "red sand " * 1200 + '"',
        "東京 OR " * 2000,
        "c++ " * 2500,
        "👍" * 10_000,
        "x" * 10_000,
        "-京" * 5000,
    ],
)
def test_very_long_queries_are_answered(index: SearchIndex, text: str) -> None:
    put(index, video("東京タワーの夜景"))
    index.search(text, viewer=None)


@pytest.mark.parametrize("query", ['"red w', "京", '"iphone 京', "w"])
def test_a_beginning_of_thousands_of_words(index: SearchIndex, query: str) -> None:
    many = " ".join(f"red w{number} 京{chr(0x4E00 + number)} iphone 京{chr(0x5E00 + number)}" for number in range(2000))
    put(index, video("Many", many))
    assert titles(index, query) == ["Many"]


RUN = st.text(st.sampled_from("東京夜景欢迎你서울타워ไทยลาวສາခမြကខ្មែរタワーはひ"), min_size=2, max_size=12)


@given(run=RUN, data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_part_of_a_run_is_found(index: SearchIndex, run: str, data: st.DataObject) -> None:
    document = video(run, f"iPhone15{run} …")
    put(index, document)
    start = data.draw(st.integers(0, len(run) - 1))
    part = run[start : data.draw(st.integers(start + 1, len(run)))]
    found = index.search(part, viewer=None, limit=100).results
    assert document.id in [hit.id for hit in found]
    assert all("<mark>" in hit.title_html + hit.snippet for hit in found)


WORDS = st.sampled_from(
    ["red", "rivers", "river", "the", "c++", "C#", "東京", "京都タワー", "👍", "at&t", "café", "원", "مُقَدِّمَةٌ"]
)


@given(
    texts=st.lists(st.lists(WORDS, min_size=1, max_size=5), min_size=3, max_size=6),
    asked=st.lists(WORDS, min_size=1, max_size=3),
)
@settings(max_examples=30, deadline=None)
def test_both_engines_find_the_same(database: Database, texts: list[list[str]], asked: list[str]) -> None:
    documents = [video(" ".join(title), " ".join(reversed(title)), title[:1]) for title in texts]
    queries = [" ".join(asked), f'"{" ".join(asked)}"', " OR ".join(asked), f"{asked[0]} -{asked[-1]}"]
    found = []
    for engine in ENGINES:
        with empty_index(engine) as index:
            put(index, *documents)
            hits = [index.search(query, viewer=None, limit=100).results for query in queries]
            found.append(
                [sorted((hit.id, int(hit.score), hit.title_html, hit.snippet) for hit in each) for each in hits]
            )
    assert found[0] == found[1]
