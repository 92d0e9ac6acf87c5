"""Parses what people type into a search box: words, "phrases", -exclusions and OR."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from shared.search.text import fold

MAX_TERMS = 32  # more is a pasted text, whose beginning is enough
MAX_TERM = 200  # characters

Word = TypeVar("Word")

_TOKEN = re.compile(r'(?P<minus>-?)"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<word>\S+)')


class Term(NamedTuple):
    text: str  # folded: one word, or several that follow one another
    excluded: bool = False
    prefix: bool = False  # unfinished: what begins like it matches too


def parse(text: str) -> list[list[Term]]:
    """Alternatives, each a list of terms that must all hold. Every text is valid."""
    alternatives: list[list[Term]] = [[]]
    count = 0
    for token in _TOKEN.finditer(unicodedata.normalize("NFC", text)):
        if token["word"] == "OR":
            alternatives.append([])
        elif (term := _term(token, last=token.end() == len(text.rstrip()))) and count < MAX_TERMS:
            alternatives[-1].append(term)
            count += 1
    # without a word that must occur, an alternative would find everything else
    return [terms for terms in alternatives if any(not term.excluded for term in terms)]


def required_words(
    words: Sequence[Word], term: Callable[[Word], Term], significant: Callable[[Word], bool]
) -> list[Word]:
    """The words that must occur: not stop words such as "the", unless there are no others. Empty
    when all words are excluded ones."""
    heavy = [word for word in words if significant(word)]
    needed = heavy if any(not term(word).excluded for word in heavy) else list(words)
    return needed if any(not term(word).excluded for word in needed) else []


def _term(token: re.Match[str], *, last: bool) -> Term | None:
    word = token["word"]
    if word is None:
        words, excluded, prefix = token["phrase"], bool(token["minus"]), not token["closed"]
    else:
        words, excluded, prefix = word, word.startswith("-"), last
    folded = " ".join(fold(words[:MAX_TERM]).split())
    return Term(folded, excluded, prefix and not excluded) if folded else None
