"""The boxes at the top level of a file that may be large or remote: only their headers are read."""

import struct
from collections.abc import Iterator
from typing import Protocol

from shared.media.mp4.boxes import Box

SHORT_HEADER_BYTES = 8
LONG_HEADER_BYTES = 16  # with a 64-bit size


class RandomAccess(Protocol):
    size: int  # bytes

    def read(self, start: int, count: int) -> bytes: ...


def top_level_boxes(source: RandomAccess, most: int = 64) -> Iterator[Box]:
    """A file's first boxes, at most `most`; none when it is not such a file. One of unknown size reaches to the end."""
    at = 0
    for _ in range(most):
        if at + SHORT_HEADER_BYTES > source.size:
            return
        header = source.read(at, LONG_HEADER_BYTES)
        size, kind = struct.unpack_from(">I4s", header)
        body = SHORT_HEADER_BYTES
        if size == 1 and len(header) == LONG_HEADER_BYTES:
            (size,) = struct.unpack_from(">Q", header, 8)
            body = LONG_HEADER_BYTES
        if not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind):
            return
        end = at + size if size >= SHORT_HEADER_BYTES else source.size
        yield Box(kind.decode("latin-1"), at, at + body, end)
        if size < SHORT_HEADER_BYTES:
            return
        at = end


def top_level_types(source: RandomAccess, most: int = 64) -> list[str]:
    """The types of a file's first boxes, at most `most`; empty when it is not such a file."""
    return [box.type for box in top_level_boxes(source, most)]
