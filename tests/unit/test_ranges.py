"""Which bytes a Range header asks for."""

from datetime import UTC, datetime

import pytest
from werkzeug.datastructures import Headers

from shared.errors import Problem
from shared.runtime.ranges import wanted_range


def wanted(
    header: str, size: int = 100, if_range: str = '"etag"', modified: datetime | None = None
) -> tuple[int, int] | None:
    return wanted_range(Headers({"Range": header, "If-Range": if_range}), size, "etag", modified)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=99-99", (99, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-9", (91, 100)),
        ("bytes=-1000", (0, 100)),
        ("Bytes=0-9", (0, 10)),  # RFC 9110, section 14.1: case does not count
    ],
)
def test_one_range(header: str, part: tuple[int, int]) -> None:
    assert wanted(header) == part


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-2",
        "bytes=a-b",
        "bytes=0-1,5-9",
        "bytes=0-1,200-",
        "bytes=+1-2",
        "items=0-9",
    ],
)
def test_anything_else_is_ignored(header: str) -> None:
    assert wanted(header) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=100-", 100),
        ("bytes=200-300", 100),
        ("bytes=-0", 100),
        ("bytes=200-210,300-", 100),
        ("bytes=0-", 0),
        ("bytes=-5", 0),
    ],
)
def test_a_range_outside_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(Problem, match=f"There are {size} bytes; {header} lies outside") as problem:
        wanted(header, size)
    assert problem.value.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    ("if_range", "part"),
    [
        ('"etag"', (0, 10)),
        ('"other"', None),
        ('W/"etag"', None),
        ("etag", None),
        ("Tue, 01 Dec 2026 10:00:00 GMT", (0, 10)),
        ("Tue, 01 Dec 2026 10:00:01 GMT", None),  # later than Last-Modified: another version may be of that time
        ("Tue, 01 Dec 2026 09:59:59 GMT", None),
    ],
)
def test_if_range_is_a_strong_comparison(if_range: str, part: tuple[int, int] | None) -> None:
    assert wanted("bytes=0-9", if_range=if_range, modified=datetime(2026, 12, 1, 10, tzinfo=UTC)) == part


def test_no_date_matches_what_has_none() -> None:
    assert wanted("bytes=0-9", if_range="Tue, 01 Dec 2026 10:00:00 GMT") is None
