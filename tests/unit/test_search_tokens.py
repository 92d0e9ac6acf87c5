"""What a word is, for documents and queries of both engines."""

import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.search.query import MAX_WORDS, parse
from shared.search.spelling import fold
from shared.search.tokens import searched, tokens

PAIRED = st.text(
    st.sampled_from("東京夜景欢迎你々한국서울타워กขคนมะาิ็้ກຂຄັកខ្គាកြာဗမカタナヽーかなっㄅㄆ𠮷")
    | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF, exclude_categories=["Cn"]),
    min_size=2,
    max_size=30,
)


def words(text: str) -> list[str]:
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my_holiday-2024.mp4", "my holiday 2024 mp4"),
        ("東京タワー", "東京 京タ タワ ワー ー"),
        ("iPhone15発売", "iphone15 発売 売"),
        ("ｶﾞｷﾞ \uff34\uff2f\uff2b\uff39\uff2f", "ガギ ギ tokyo"),
        ("らーめん", "ラー ーメ メン ン"),
        ("서울", "서울 울"),
        ("مُقَدِّمَةٌ", "مقدمه"),
        ("شَـــيء ٢٠٢٤", "شيء 2024"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी की", "हिन्दी की"),
        ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
        ("İstanbul ISI \u0131s\u0131", "istanbul isi isi"),
        ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", "οδυσσευσ οδυσσευσ"),
        ("ﬁne Ærø Łódź Đà Nẵng", "fine aero lodz da nang"),
        ("Ёлка й", "елка и"),
        ("C++ c# F♯ C++17", "c ++ c # f # c ++ 17"),
        (".NET node.js 3.5 and... .5", ". net node js 3 5 and 5"),
        ("AT&T r&b rock&roll a & b", "at & t r & b rock roll a b"),
        ("a+b 1+1 #1 #tag x_#", "a b 1 1 1 tag x"),
        ("3D 4k", "3d 4k"),
        ("👍🏽👩‍🚀❤️‍🔥", "👍 👩 🚀 ❤ 🔥"),
        ("🇩🇪🇫🇷 1️⃣", "🇩🇪 🇫🇷 1"),
        ("Brand™ © ━━━ 20°C", "brand 20 c"),
        ("so\u00adft no\u200bspace", "soft no space"),
        ("ไทย\u200bแลนด์", "ไท ทย ยแ แล ลน นด ด์ ์"),
        ("x" * 1000, "x" * 100),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


def test_black_flags_are_told_apart() -> None:
    england, scotland = ("\U0001f3f4" + "".join(chr(0xE0000 + ord(each)) for each in name) + "\U000e007f"
                         for name in ("gbeng", "gbsct"))  # fmt: skip
    assert words(england) == [england]
    assert words(england) != words(scotland)


@given(st.text(max_size=60))
@example("は\u3099\u0301")
@example("ﷺ ㍿ ⅷ ½")
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    folded = fold(text).text if text else ""
    assert (fold(folded).text if folded else "") == folded


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(text=st.text(max_size=60))
@settings(max_examples=50)
def test_every_form_of_unicode_is_one(form: str, text: str) -> None:
    canonical = unicodedata.normalize("NFC", text)
    if form in ("NFKC", "NFKD"):  # ™ is tm there
        canonical = unicodedata.normalize("NFKC", text)
    assert words(unicodedata.normalize(form, canonical)) == words(canonical)  # type: ignore[arg-type]


@given(st.text(max_size=60) | PAIRED)
def test_each_token_knows_where_it_is(text: str) -> None:
    start = 0
    for token in tokens(text):
        assert 0 <= token.start < token.end <= len(text)
        assert token.start < token.letter_end <= token.end
        assert token.start >= start, "in their order"
        start = token.start


@given(PAIRED, st.data())
def test_every_part_of_a_run_is_a_phrase_of_it(run: str, data: st.DataObject) -> None:
    run = fold(run).text
    start = data.draw(st.integers(0, len(run) - 2))
    end = data.draw(st.integers(start + 2, len(run)))
    part, whole = searched(run[start:end]).words, tuple(words(run))
    assert any(whole[at : at + len(part)] == part for at in range(len(whole)))


@given(PAIRED)
def test_every_letter_of_a_run_begins_a_pair(run: str) -> None:
    run = fold(run).text
    for letter in run:
        asked = searched(letter)
        assert asked.open
        assert any(word.startswith(asked.words[0]) for word in words(run))


@pytest.mark.parametrize(
    "text", ["京" * 10_000, "京 " * 5_000, '"' + "word " * 2_000 + '"', "x" * 10_000, "a&b" * 3_000]
)
def test_long_queries_are_bounded(text: str) -> None:
    assert sum(len(term.words) for terms in parse(text) for term in terms) <= MAX_WORDS


def test_no_character_makes_a_word_that_a_tsquery_cannot_quote() -> None:
    every = "".join(f"a{chr(code)}b " for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    for token in tokens(every):
        assert not set(token.text) & set("'\\\0 []")
