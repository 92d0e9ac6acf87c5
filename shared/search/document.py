"""What is stored, shown and indexed of a document, the same for each engine."""

import unicodedata
from typing import NamedTuple

from shared.search.base import Document
from shared.search.tokens import tokens

VERSION = 2  # of the words and the mappings: raise it with every change of them, and each index is rebuilt by itself
MAX_INDEXED = 100_000  # characters of one text
MAX_WORDS = 15_000  # of one text; a tsvector of PostgreSQL has 16,383 places and 1 MB
MAX_HIGHLIGHTED = 20_000


class Prepared(NamedTuple):
    """`title`, `body` and `tags` are shown; `words` is searched: the words of each field."""

    title: str
    body: str
    tags: list[str]
    words: dict[str, list[str]]


def prepare(document: Document) -> Prepared:
    title, body = _normal(document.title), _normal(document.body)
    tags = [_normal(tag) for tag in document.tags]
    if document.kind == "message":
        words = {"message": _indexed(body)}
    else:
        words = {"title": _indexed(title), "body": _indexed(body), "tags": _indexed("\n".join(tags))}
    return Prepared(title, body, tags, words)


def _normal(text: str) -> str:
    """One spelling of every letter; PostgreSQL accepts all characters but zero."""
    return unicodedata.normalize("NFC", text.replace("\0", ""))


def _indexed(text: str) -> list[str]:
    return [token.text for token in tokens(text[:MAX_INDEXED])[:MAX_WORDS]]
