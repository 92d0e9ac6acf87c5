"""Parses what people type into a search box: words, "phrases", -exclusions and OR."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from shared.search.tokens import searched

MAX_WORDS = 32  # more is a pasted text, whose beginning is enough
MAX_TERM = 200  # characters

Word = TypeVar("Word")

_TOKEN = re.compile(r'(?P<minus>-?)"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<word>\S+)')


class Term(NamedTuple):
    words: tuple[str, ...]  # of shared/search/tokens.py; several follow one another
    excluded: bool = False
    prefix: bool = False  # the last is unfinished: what begins like it matches too

    def matches(self, words: Sequence[str]) -> Iterator[int]:
        """The numbers of the words of a text that it matches as it is, not stemmed."""
        *before, last = self.words
        for at in places(words, before):
            end = at + len(before)
            if end < len(words) and (words[end] == last or (self.prefix and words[end].startswith(last))):
                yield from range(at, end + 1)


def parse(text: str) -> list[list[Term]]:
    """Alternatives, each a list of terms that must all hold. Every text is valid."""
    alternatives: list[list[Term]] = [[]]
    left, end = MAX_WORDS, len(text.rstrip())
    for token in _TOKEN.finditer(text):
        if token["word"] == "OR":
            alternatives.append([])
        elif left and (term := _term(token, left, last=token.end() == end)) and term not in alternatives[-1]:
            alternatives[-1].append(term)
            left -= len(term.words)
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


def places(words: Sequence[str | None], wanted: Sequence[str | None]) -> Iterator[int]:
    """Where the wanted ones follow one another; None stands for any word."""
    for at in range(len(words) - len(wanted) + 1):
        if all(one is None or words[at + number] == one for number, one in enumerate(wanted)):
            yield at


def _term(token: re.Match[str], most: int, *, last: bool) -> Term | None:
    """The term, of which at most so many words count."""
    word = token["word"]
    if word is None:
        words, excluded, prefix = token["phrase"], bool(token["minus"]), not token["closed"]
    else:
        words, excluded, prefix = word, word.startswith("-"), last
    asked = searched(words[:MAX_TERM])
    if not asked.words:
        return None
    if len(asked.words) > most:
        return Term(asked.words[:most], excluded)
    return Term(asked.words, excluded, asked.open or (prefix and not excluded and not asked.complete))
