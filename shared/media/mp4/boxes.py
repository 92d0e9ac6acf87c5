"""Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2): read, find, build."""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Box(NamedTuple):
    """Where a box lies in a buffer: `data[start:end]` with its header, `data[body:end]` without. Offsets in bytes."""

    type: str
    start: int
    body: int
    end: int


def children(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in `data[start:end]`, not those inside them. Raises ValueError where they do not fit."""
    stop = len(data) if end is None else end
    while start < stop:
        if stop - start < 8:
            raise ValueError(f"{stop - start} stray bytes where a box should be")
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:  # a 64-bit size follows
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:  # to the end
            size = stop - start
        if size < body - start or start + size > stop:
            raise ValueError(f"box {kind!r} of {size} bytes does not fit")
        yield Box(kind.decode("latin-1"), start, body, start + size)
        start += size


def find(data: bytes, path: str) -> Box:
    """The first box at a path such as "moov/trak/mdia". Raises KeyError when there is none."""
    start, end, found = 0, len(data), None
    for kind in path.split("/"):
        found = next((box for box in children(data, start, end) if box.type == kind), None)
        if found is None:
            raise KeyError(path)
        start, end = found.body, found.end
    assert found is not None
    return found


def box(kind: str, *parts: bytes | memoryview) -> bytes:
    """A box of four-character type `kind` with `parts` as its body."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode("latin-1")) + body


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    """A box whose body begins with a version (8 bits) and flags (24 bits)."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)
