"""HTML with the matches in a text highlighted."""

from collections.abc import Iterable
from html import escape

SNIPPET = 200  # characters

Span = tuple[int, int]


def spans(bracketed: str) -> set[Span]:
    """The positions of the [words in brackets], counted in the text without brackets."""
    found = set()
    position = start = 0
    for character in bracketed:
        if character == "[":
            start = position
        elif character == "]":
            found.add((start, position))
        else:
            position += 1
    return found


def mark(text: str, found: Iterable[Span]) -> str:
    """The text, escaped, with <mark> around each span."""
    parts, position = [], 0
    for start, end in sorted(found):
        if start >= position:
            parts += [escape(text[position:start]), "<mark>", escape(text[start:end]), "</mark>"]
            position = end
    return "".join([*parts, escape(text[position:])])


def snippet(text: str, found: Iterable[Span]) -> str:
    """About SNIPPET characters around the first span, or from the beginning, marked, with … where text is left out."""
    inside = sorted(found)
    start, end = _window(text, inside[0] if inside else (0, 0))
    cut = text[start:end]
    marked = mark(cut, ((a - start, b - start) for a, b in inside if start <= a and b <= end))
    return ("… " if start else "") + marked + (" …" if end < len(text) else "")


def _window(text: str, around: Span) -> Span:
    if len(text) <= SNIPPET:
        return 0, len(text)
    start = max(0, min(around[0] - SNIPPET // 3, len(text) - SNIPPET))
    end = max(min(start + SNIPPET, len(text)), around[1])
    if start:  # not in the middle of a word, unless it is the one that matched
        start = min(_next_space(text, start) + 1, around[0]) if around[0] > start else start
    if end < len(text):
        end = max(text.rfind(" ", start, end), around[1]) if " " in text[start:end] else end
    return start, end


def _next_space(text: str, start: int) -> int:
    at = text.find(" ", start - 1)
    return at if at >= 0 else len(text)
