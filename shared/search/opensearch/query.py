"""Translates a query as people type it into OpenSearch's query DSL."""

from collections.abc import Sequence
from typing import Any

from shared.search.opensearch.mapping import TEXTS
from shared.search.query import Term, parse, required_words
from shared.search.stop_words import STOP_WORDS

Json = dict[str, Any]

# The whole number of the score is where the words were found (3: title, 2: description, 1: tags), the fraction how
# well. Steps of a power of two survive the addition and OpenSearch's 32-bit floats, so a cursor stays exact.
STEPS = 8192
_FRACTION = "Math.floor(_score / (_score + 1.0) * params.steps) / params.steps"
_WEIGHTS = {"title": 1.0, "body": 0.4, "tags": 0.2, "message": 0.1}
_ENDINGS = 10_000  # that are tried for the unfinished last word of a phrase


class Query:
    """`matching`, `ranking` and `stemmed` are queries, `scored` the first two in one. `words` are all of them."""

    def __init__(self, alternatives: list[list[Term]]) -> None:
        self._alternatives = alternatives
        self.words = frozenset(word for alternative in alternatives for term in alternative for word in term.words)
        self._wanted = [term for alternative in alternatives for term in alternative if not term.excluded]
        self.ranking = _any_of(_form(term, TEXTS, weighted=True) for term in self._wanted)
        # Only these are left to OpenSearch's highlighter, since only it knows stems. It makes each ending of an
        # unfinished phrase a clause of the query, of which OpenSearch allows 1024.
        self.stemmed = _any_of(_stemmed(term, [(text, 1.0) for text in TEXTS]) for term in self._wanted)

    def matches(self, words: Sequence[str]) -> set[int]:
        """The numbers of the words of a text that this matches as they are, not stemmed."""
        return {number for term in self._wanted for number in term.matches(words)}

    def matching(self, texts: Sequence[str] = TEXTS) -> Json:
        """Documents that have all the words in these fields together."""
        return _any_of(
            {
                "bool": {
                    "must": [_form(term, texts) for term in alternative if not term.excluded],
                    "must_not": [_form(term, texts) for term in alternative if term.excluded],
                }
            }
            for alternative in self._alternatives
        )

    def scored(self, filters: list[Json]) -> Json:
        by_field = [{"constant_score": {"filter": self.matching(TEXTS[:count]), "boost": 1}} for count in (1, 2, 3)]
        fraction = {
            "function_score": {
                "query": self.ranking,
                "script_score": {"script": {"source": _FRACTION, "params": {"steps": STEPS}}},
                "boost_mode": "replace",
            }
        }
        return {"bool": {"filter": [self.matching(), *filters], "should": [*by_field, fraction]}}


def build(text: str) -> Query | None:
    """None when there is nothing to search for."""
    needed = [required_words(terms, lambda term: term, _not_a_stop_word) for terms in parse(text)]
    alternatives = [terms for terms in needed if terms]
    return Query(alternatives) if alternatives else None


def _not_a_stop_word(term: Term) -> bool:
    return not STOP_WORDS.issuperset(term.words)


def _form(term: Term, texts: Sequence[str], *, weighted: bool = False) -> Json:
    """The term in any of the fields: stemmed, or as it is, or as a prefix when it is unfinished."""
    boosts = [(text, _WEIGHTS[text] if weighted else 1.0) for text in texts]
    words = " ".join(term.words)
    if not term.prefix:
        plain = [_phrase(words, boosts)]
    elif len(term.words) > 1:
        plain = [_phrase(words, boosts, type="phrase_prefix", max_expansions=_ENDINGS)]
    else:
        plain = [{"prefix": {text: {"value": words, "boost": boost}}} for text, boost in boosts]
    return _any_of([_stemmed(term, boosts), *plain])


def _stemmed(term: Term, boosts: Sequence[tuple[str, float]]) -> Json:
    return _phrase(" ".join(term.words), [(f"{text}.stemmed", boost) for text, boost in boosts])


def _phrase(words: str, boosts: Sequence[tuple[str, float]], **options: Any) -> Json:
    fields = [f"{text}^{boost}" for text, boost in boosts]
    return {"multi_match": {"query": words, "type": "phrase", "fields": fields, "tie_breaker": 1.0, **options}}


def _any_of(queries: Any) -> Json:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}
