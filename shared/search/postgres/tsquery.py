"""Translates a query as people type it into a PostgreSQL tsquery, and finds in a text what it means."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from shared.db import Transaction
from shared.search.highlight import Span, spans
from shared.search.query import Term, parse, places, required_words
from shared.search.tokens import Token

Stems = dict[str, str | None]  # None: of a stop word


class _Forms(NamedTuple):
    """How one term may occur in a document: stemmed, or as it is (or only begun, where it is unfinished)."""

    term: Term
    stems: list[str | None]

    @property
    def significant(self) -> bool:
        return any(self.stems)

    @property
    def any_form(self) -> str:
        forms = [_phrase(self.stems)] if self.significant else []
        return " | ".join(f"({form})" for form in [*forms, _phrase(self.term.words, prefix=self.term.prefix)])

    def matches(self, words: Sequence[str], stems: Sequence[str | None]) -> Iterator[int]:
        """The numbers of the words of a text that this matches."""
        yield from self.term.matches(words)
        if self.significant:
            stemmed = _trimmed(self.stems)
            for at in places(stems, stemmed):
                yield from (at + number for number, stem in enumerate(stemmed) if stem)


class TsQuery:
    """`matching`: what a document must have; `ranking`: the words of it that count for the rank."""

    def __init__(self, alternatives: list[list[_Forms]]) -> None:
        self._wanted = [form for alternative in alternatives for form in alternative if not form.term.excluded]
        self._words = frozenset(word for form in self._wanted for word in form.term.words)
        self.matching = " | ".join(f"({_all_of(alternative)})" for alternative in alternatives if alternative)
        # Any of them, not all: documents that match have them all, and the rank of "a & b" looks at every pair of
        # places, which takes a thousand times as long where both are frequent.
        self.ranking = " | ".join(form.any_form for form in self._wanted)

    def marked(self, tx: Transaction, texts: Sequence[Sequence[Token]]) -> list[list[Span]]:
        """Where the words of the query are in each text."""
        # a stem begins with the letter that its word begins with, so the others need not be asked for
        letters = tuple({stem[0] for form in self._wanted for stem in form.stems if stem})
        stems = _stems(tx, {each.text for text in texts for each in text if each.text.startswith(letters)})
        return [self._marked(text, stems) for text in texts]

    def _marked(self, text: Sequence[Token], stems: Stems) -> list[Span]:
        words = tuple(token.text for token in text)
        stemmed = [stems.get(word) for word in words]
        matched = {number for form in self._wanted for number in form.matches(words, stemmed)}
        return spans(text, matched, self._words)


class _Stem(Struct):
    word: str
    stem: str | None


def build(tx: Transaction, text: str) -> TsQuery | None:
    """None when there is nothing to search for."""
    alternatives = parse(text)
    stems = _stems(tx, {word for alternative in alternatives for term in alternative for word in term.words})
    needed = [_needed([_Forms(term, [stems[word] for word in term.words]) for term in each]) for each in alternatives]
    return TsQuery(needed) if any(needed) else None


def _stems(tx: Transaction, words: Iterable[str]) -> Stems:
    asked = list(words)
    if not asked:
        return {}
    found = tx.all(
        _Stem,
        "select word, (ts_lexize('english_stem', word))[1] as stem from unnest(%s::text[]) as asked (word)",
        (asked,),
    )
    return {each.word: each.stem for each in found}


def _needed(forms: list[_Forms]) -> list[_Forms]:
    return required_words(forms, lambda form: form.term, lambda form: form.significant)


def _all_of(forms: list[_Forms]) -> str:
    return " & ".join(("!" if form.term.excluded else "") + f"({form.any_form})" for form in forms)


def _trimmed(stems: list[str | None]) -> list[str | None]:
    """Without the stop words at both ends: they need not be there."""
    there = [number for number, stem in enumerate(stems) if stem]
    return stems[there[0] : there[-1] + 1]


def _phrase(words: Sequence[str | None], *, prefix: bool = False) -> str:
    """These words, each as far after the one before it as here. No word has a quote or a backslash."""
    parts: list[str] = []
    distance = 0
    for word in words:
        if word and parts:
            parts.append(f"<{distance}>")
        if word:
            parts.append(f"'{word}'")
            distance = 0
        distance += 1
    return " ".join(parts) + (":*" if prefix else "")
