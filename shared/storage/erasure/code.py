"""The arithmetic of the cold tier: bytes into six shards, of which any four give the bytes again (Reed-Solomon, zfec).

The bytes are cut into stripes of four blocks of UNIT bytes; two blocks of parity are added to each, and shard n is the
n-th block of every stripe. So encoding, decoding and reading a range need the memory of a few stripes, whatever the
size. The last stripe has shorter blocks, filled up with zeros to a multiple of four bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from shared.storage.model import NEEDED, SHARDS

if TYPE_CHECKING:
    import zfec  # type: ignore[import-untyped]

UNIT = 64 * 1024
STRIPE = NEEDED * UNIT


class Stripe(NamedTuple):
    """Where a stripe is: `offset` in the object and `position` in every shard."""

    offset: int
    length: int
    position: int
    block: int


def stripes(size: int, start: int = 0, end: int | None = None) -> Iterator[Stripe]:
    """The stripes of an object of this size that the bytes from `start` to `end` lie in."""
    end = size if end is None else min(end, size)
    for number in range(start // STRIPE, -(-end // STRIPE) if start < end else 0):
        length = min(STRIPE, size - number * STRIPE)
        yield Stripe(number * STRIPE, length, number * UNIT, -(-length // NEEDED))


def shard_size(size: int) -> int:
    """The size of each shard of an object of this size."""
    full, rest = divmod(size, STRIPE)
    return full * UNIT + -(-rest // NEEDED)


def encode(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The six blocks of every stripe, one for each shard."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= STRIPE:
            yield encode_stripe(bytes(waiting[:STRIPE]))
            del waiting[:STRIPE]
    if waiting:
        yield encode_stripe(bytes(waiting))


def encode_stripe(data: bytes) -> list[bytes]:
    """The six blocks of one stripe."""
    block = -(-len(data) // NEEDED)
    padded = data.ljust(block * NEEDED, b"\0")
    blocks = [padded[i * block : (i + 1) * block] for i in range(NEEDED)]
    return [bytes(each) for each in _encoder().encode(blocks)]


def decode_stripe(blocks: Mapping[int, bytes], length: int) -> bytes:
    """The bytes of a stripe from any four of its blocks, by their shard's number."""
    numbers = sorted(blocks)[:NEEDED]
    assert len(numbers) == NEEDED, "fewer blocks do not give the bytes"
    found = [blocks[number] for number in numbers]
    if numbers != list(range(NEEDED)):
        found = _decoder().decode(found, numbers)
    return b"".join(found)[:length]


@cache
def _encoder() -> "zfec.Encoder":
    import zfec

    return zfec.Encoder(NEEDED, SHARDS)


@cache
def _decoder() -> "zfec.Decoder":
    import zfec

    return zfec.Decoder(NEEDED, SHARDS)
