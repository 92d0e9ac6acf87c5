"""The Range header (RFC 9110, section 14.2), as far as players use it: one range of bytes.

Whoever serves bytes asks here, so that all of them answer alike: functions, and the object server of the single box.
"""

import re
from datetime import datetime
from typing import Protocol

from werkzeug.http import parse_date, parse_range_header

from shared.errors import Problem

_SUFFIX_OF_NOTHING = re.compile("bytes=-0+", re.IGNORECASE)


class RequestHeaders(Protocol):
    """Headers by name in any case: those of werkzeug, and those of aiohttp."""

    def get(self, name: str, default: str, /) -> str: ...


def wanted_range(
    headers: RequestHeaders, size: int, etag: str, modified: datetime | None = None
) -> tuple[int, int] | None:
    """Start and end (exclusive) of the bytes that are asked for. None means all of them: the header is missing, is
    malformed or has several ranges, or If-Range names another ETag or another time than `modified`, which is
    Last-Modified where that is sent (whole seconds, UTC). Raises Problem range-not-satisfiable."""
    header = headers.get("Range", "").strip()
    if not _is_same(headers.get("If-Range", "").strip(), etag, modified):
        return None
    # werkzeug takes a suffix of no bytes for malformed; by section 14.1.2 it is valid and cannot be satisfied.
    if _SUFFIX_OF_NOTHING.fullmatch(header):
        raise _outside(header, size)
    found = parse_range_header(header)
    if found is None or found.units != "bytes":
        return None
    parts = [_part(first, after, size) for first, after in found.ranges]
    if not any(start < end for start, end in parts):
        raise _outside(header, size)
    return parts[0] if len(parts) == 1 else None


def _is_same(if_range: str, etag: str, modified: datetime | None) -> bool:
    """RFC 9110, section 13.1.5: a weak ETag does not match, nor does a date that is only later."""
    if not if_range:
        return True
    if '"' in if_range:
        return if_range == f'"{etag}"'
    return modified is not None and parse_date(if_range) == modified


def _part(first: int, after: int | None, size: int) -> tuple[int, int]:
    """As werkzeug has a range: a suffix begins below 0. Start is at or after the end where it lies outside."""
    start = first if first >= 0 else max(0, size + first)
    return start, size if after is None else min(after, size)


def _outside(header: str, size: int) -> Problem:
    return Problem(
        "range-not-satisfiable",
        f"There are {size} bytes; {header} lies outside.",
        headers={"Content-Range": f"bytes */{size}"},
    )
