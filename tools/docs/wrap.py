"""Wraps the prose of Markdown pages; ./task format runs it, tests/unit/test_docs.py asks for it.

Code, tables, headings and link definitions stay as they are, and so do generated pages. A code span is never broken
over two lines: searching for a command finds it.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

WIDTH = 110
ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"\s*```")
ITEM = re.compile(r"(?P<marker>\s*(?:[-*+]|\d+\.)\s+)(?P<text>.*)")
AS_IT_IS = re.compile(r"\s*$|#|\s*\||<|\[[^\]]+\]: ")
CODE_SPAN = re.compile(r"(`+).+?\1")
# A word that would begin a list, a quotation or a heading if it came first on a line.
BEGINS_A_BLOCK = re.compile(r" (?=(?:[-+*>]|#+|\d+[.)])(?: |$))")
HELD = "\0"  # stands for a space that must not become the end of a line


def pages() -> list[Path]:
    """The pages that people write: those of the root and of docs/, and the READMEs of folders; no generated ones."""
    attributes = (ROOT / ".gitattributes").read_text()
    generated = {ROOT / path for path in re.findall(r"^(\S+\.md) linguist-generated", attributes, re.MULTILINE)}
    found = {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[!.]*/README.md")}
    return sorted(found - generated)


def wrapped(markdown: str) -> str:
    return "\n".join(_lines(markdown.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        begin, at = at, at + 1
        if FENCE.match(lines[begin]):
            while at < len(lines) and not FENCE.match(lines[at]):
                at += 1
            at += 1
            yield from lines[begin:at]
        elif AS_IT_IS.match(lines[begin]):
            yield lines[begin]
        else:
            while at < len(lines) and not any(form.match(lines[at]) for form in (FENCE, AS_IT_IS, ITEM)):
                at += 1
            yield from _filled(lines[begin:at])


def _filled(block: list[str]) -> list[str]:
    """One paragraph, or one item of a list, whose further lines stand below its text."""
    item = ITEM.match(block[0])
    first = item["marker"] if item else block[0][: len(block[0]) - len(block[0].lstrip())]
    text = " ".join(" ".join([item["text"] if item else block[0], *block[1:]]).split())
    text = BEGINS_A_BLOCK.sub(HELD, CODE_SPAN.sub(lambda span: span[0].replace(" ", HELD), text))
    filled = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(HELD, " ") for line in filled]


def main() -> None:
    for page in pages():
        text = page.read_text()
        if wrapped(text) != text:
            page.write_text(wrapped(text))
            print(f"wrapped {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
