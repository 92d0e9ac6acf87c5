"""The boxes at the top level of a file that may be large or remote: only their headers are read."""

import struct
from typing import Protocol

LONG_HEADER_BYTES = 16  # with a 64-bit size


class RandomAccess(Protocol):
    size: int  # bytes

    def read(self, start: int, count: int) -> bytes: ...


def top_level_types(source: RandomAccess, most: int = 64) -> list[str]:
    """The types of a file's first boxes, at most `most`; empty when it is not such a file."""
    types: list[str] = []
    at = 0
    while at + 8 <= source.size and len(types) < most:
        header = source.read(at, LONG_HEADER_BYTES)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == LONG_HEADER_BYTES:
            (size,) = struct.unpack_from(">Q", header, 8)
        if not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind):
            return types
        types.append(kind.decode("latin-1"))
        if size < 8:
            return types
        at += size
    return types
