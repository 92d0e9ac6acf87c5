"""Translates a query as people type it into a PostgreSQL tsquery."""

from typing import NamedTuple

from msgspec import Struct

from shared.db import Transaction
from shared.search.query import Term, parse, required_words


class TsQuery(NamedTuple):
    matching: str  # what a document must have
    ranking: str  # the words of it that count for the rank


class _Stems(Struct):
    stemmed: str
    plain: str


class _Forms(NamedTuple):
    """How one term may occur in a document. Each form is a tsquery, or empty when the term has no word to search."""

    term: Term
    stemmed: str
    plain: str  # or only begun, where the term is unfinished

    @property
    def any_form(self) -> str:
        return " | ".join(f"({form})" for form in (self.stemmed, self.plain) if form)


_FORMS = """
    select phraseto_tsquery('english', text)::text as stemmed,
           case when prefix then to_tsquery('simple', '''' || text || ''':*')
                else phraseto_tsquery('simple', text) end::text as plain
    from unnest(%s::text[], %s::boolean[]) with ordinality as term (text, prefix, position) order by position
"""


def build(tx: Transaction, text: str) -> TsQuery | None:
    """None when there is nothing to search for."""
    alternatives = parse(text)
    terms = [term for alternative in alternatives for term in alternative]
    if not terms:
        return None
    rows = tx.all(_Stems, _FORMS, ([term.text for term in terms], [term.prefix for term in terms]))
    forms = iter([_Forms(term, row.stemmed, row.plain) for term, row in zip(terms, rows, strict=True)])
    needed = [_needed([next(forms) for _ in alternative]) for alternative in alternatives]
    wanted = [form for alternative in needed for form in alternative if not form.term.excluded]
    if not wanted:
        return None
    return TsQuery(
        " | ".join(f"({_all_of(alternative)})" for alternative in needed if alternative),
        # Any of them, not all: documents that match have them all, and the rank of "a & b" looks at every pair of
        # places, which takes a thousand times as long where both are frequent.
        " | ".join(form.any_form for form in wanted),
    )


def _needed(forms: list[_Forms]) -> list[_Forms]:
    words = [form for form in forms if form.any_form]
    return required_words(words, lambda form: form.term, lambda form: bool(form.stemmed))


def _all_of(forms: list[_Forms]) -> str:
    return " & ".join(("!" if form.term.excluded else "") + f"({form.any_form})" for form in forms)
