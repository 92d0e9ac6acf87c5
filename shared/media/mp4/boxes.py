"""ISO base media boxes: read, find, build."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from shared.media.probe.sniff import Peek


class Box(NamedTuple):
    """A box in a buffer: `data[start:end]`, of which `data[body:end]` is inside its header."""

    type: str
    start: int
    body: int
    end: int


def children(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes side by side in `data[start:end]`; raises ValueError where they do not fit."""
    stop = len(data) if end is None else end
    while start < stop:
        if stop - start < 8:
            raise ValueError(f"{stop - start} stray bytes where a box should be")
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = stop - start
        if size < body - start or start + size > stop:
            raise ValueError(f"box {kind!r} of {size} bytes does not fit")
        yield Box(kind.decode("latin-1"), start, body, start + size)
        start += size


def find(data: bytes, path: str) -> Box:
    """The first box at a path such as "moov/trak/mdia"; raises KeyError."""
    start, end, found = 0, len(data), None
    for kind in path.split("/"):
        found = next((box for box in children(data, start, end) if box.type == kind), None)
        if found is None:
            raise KeyError(path)
        start, end = found.body, found.end
    assert found is not None
    return found


def box(kind: str, *parts: bytes | memoryview) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode("latin-1")) + body


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def top_level_types(source: Peek, most: int = 64) -> list[str]:
    """The types of a file's first boxes, reading headers only; empty when it is no such file."""
    types: list[str] = []
    at = 0
    while at + 8 <= source.size and len(types) < most:
        header = source.read(at, 16)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
        if not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind):
            return types
        types.append(kind.decode("latin-1"))
        if size < 8:
            return types
        at += size
    return types
