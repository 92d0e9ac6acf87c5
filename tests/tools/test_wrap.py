"""The prose of Markdown is wrapped, and what it means stays the same."""

import pytest

from tools.docs.wrap import WIDTH, pages, wrapped

WORDS = " ".join(["word"] * 60)


def test_a_paragraph_is_filled() -> None:
    lines = wrapped(f"short\n{WORDS}\n").rstrip("\n").split("\n")
    assert [line for line in lines if len(line) > WIDTH] == []
    assert len(lines) == 3
    assert " ".join(lines) == f"short {WORDS}"


def test_an_item_hangs_below_its_text() -> None:
    first, second, *_ = wrapped(f"1. {WORDS}").split("\n")
    assert first.startswith("1. word")
    assert second.startswith("   word")


def test_an_item_ends_where_the_next_begins() -> None:
    assert wrapped("- one\n- two\n  and more\n") == "- one\n- two and more\n"


@pytest.mark.parametrize(
    "block",
    [
        f"```\n{WORDS}\n- {WORDS}\n```\n",
        f"| {WORDS} |\n|---|\n| {WORDS} |\n",
        f"# {WORDS}\n",
        f"[name]: https://example.org/{'x' * 120}\n",
    ],
)
def test_what_is_no_prose_stays(block: str) -> None:
    assert wrapped(block) == block


def test_a_code_span_stays_on_one_line() -> None:
    span = "`./task deploy -- --overlay production`"
    for words in range(15, 25):
        assert span in wrapped(f"{'word ' * words}{span} {WORDS}")


@pytest.mark.parametrize("mark", ["-", "+", "1.", "#", ">"])
def test_no_word_becomes_a_block_by_coming_first(mark: str) -> None:
    for words in range(15, 25):
        assert [line for line in wrapped(f"{'word ' * words}{mark} {WORDS}").split("\n") if line.startswith(mark)] == []


def test_the_pages_are_wrapped_already() -> None:
    assert [page.name for page in pages() if wrapped(page.read_text()) != page.read_text()] == []
