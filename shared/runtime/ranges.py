"""The Range header (RFC 9110, section 14.2), as far as players use it: one range of bytes."""

import re

from werkzeug.datastructures import Headers
from werkzeug.http import parse_range_header

from shared.errors import Problem


def wanted_range(headers: Headers, size: int, etag: str) -> tuple[int, int] | None:
    """Start and end (exclusive) of the bytes that are asked for. None means all of them: the header is missing, is
    malformed or has several ranges, or If-Range names another ETag. Raises Problem range-not-satisfiable."""
    header = headers.get("Range", "").strip()
    if headers.get("If-Range", f'"{etag}"') != f'"{etag}"':  # RFC 9110, 13.1.5: a weak ETag does not match either
        return None
    # werkzeug takes a suffix of no bytes for malformed; by section 14.1.2 it is valid and cannot be satisfied.
    no_bytes = re.fullmatch("bytes=-0+", header)
    found = parse_range_header(header)
    if not no_bytes and (found is None or found.units != "bytes" or len(found.ranges) != 1):
        return None
    start, end = found.ranges[0] if found else (size, None)
    if start < 0:  # a suffix: the last bytes, all of them where there are fewer
        start = max(0, size + start)
    end = size if end is None else min(end, size)
    if start >= end:
        raise Problem(
            "range-not-satisfiable",
            f"There are {size} bytes; {header} lies outside.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end
