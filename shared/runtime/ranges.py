"""The Range header (RFC 9110, 14.2), as far as players use it: one range of bytes."""

import re

from werkzeug.datastructures import Headers

from shared.errors import Problem

_ONE = re.compile(r"bytes=(\d*)-(\d*)")


def wanted_range(headers: Headers, size: int, etag: str) -> tuple[int, int] | None:
    """Start and end (not included) of the part that is asked for; None: all of it, also where the header is another
    thing than one range, or If-Range names other bytes. Raises Problem range-not-satisfiable."""
    header = headers.get("Range", "").strip()
    found = _ONE.fullmatch(header)
    if found is None or not (found[1] or found[2]) or headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return None
    first, last = found[1], found[2]
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise Problem(
            "range-not-satisfiable",
            f"There are {size} bytes; {header} lies outside.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end
