"""Cursors: the position of the last hit of a page, opaque to clients."""

import base64
import re
from decimal import Decimal
from typing import NamedTuple

from shared.search.base import BadCursor

REFUSAL = "The cursor is not one that a page of results gave."
_FORM = re.compile(r"(?P<score>\d\.\d{6}) (?P<id>[\w-]+)")


class Position(NamedTuple):
    """Hits are sorted by score, then by id, which makes every position unique."""

    score: Decimal
    id: str


def write(position: Position) -> str:
    return base64.urlsafe_b64encode(f"{position.score} {position.id}".encode()).rstrip(b"=").decode()


def read(cursor: str) -> Position:
    """Raises BadCursor."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise BadCursor(REFUSAL) from None
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadCursor(REFUSAL)
    return Position(Decimal(found["score"]), found["id"])
