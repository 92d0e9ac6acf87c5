"""HTML with the matches in a text highlighted."""

from collections.abc import Iterable, Sequence, Set
from html import escape

from shared.search.tokens import Token

SNIPPET = 200  # characters

Span = tuple[int, int]


def spans(found: Sequence[Token], matched: Iterable[int], words: Set[str]) -> list[Span]:
    """Where the tokens that matched are in their text, in order and apart from one another. `words` are those of the
    query: of a pair that is none of them only the first letter was searched for."""
    joined: list[Span] = []
    for token in (found[number] for number in sorted(matched)):
        end = token.letter_end if token.left > 1 and token.text not in words else token.end
        if joined and token.start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((token.start, end))
    return joined


def mark(text: str, found: Sequence[Span]) -> str:
    """The text, escaped, with <mark> around each span."""
    parts, position = [], 0
    for start, end in found:
        parts += [escape(text[position:start]), "<mark>", escape(text[start:end]), "</mark>"]
        position = end
    return "".join([*parts, escape(text[position:])])


def snippet(text: str, inside: Sequence[Span]) -> str:
    """About SNIPPET characters around the first span, or from the beginning, marked, with … where text is left out."""
    start, end = _window(text, inside[0] if inside else (0, 0))
    cut = text[start:end]
    marked = mark(cut, [(a - start, b - start) for a, b in inside if start <= a and b <= end])
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
