"""Any four of six shards give the same bytes, of every size; a range is what it is of the whole."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.storage.erasure.code import STRIPE, UNIT, decode_stripe, encode, shard_size, stripes
from shared.storage.model import NEEDED, SHARDS

SIZES = [0, 1, 2, 3, 4, 5, 7, 8191, UNIT - 1, UNIT, UNIT + 1, STRIPE - 1, STRIPE, STRIPE + 1, 3 * STRIPE + 12345]


def some_bytes(size: int, seed: int = 7) -> bytes:
    return bytes((i * 131 + (i >> 8) * seed + seed) & 255 for i in range(size))


def shards_of(data: bytes, chunk: int = 100_000) -> list[bytes]:
    made = list(encode(data[i : i + chunk] for i in range(0, len(data), chunk)))
    return [b"".join(stripe[number] for stripe in made) for number in range(SHARDS)]


def decoded(shards: dict[int, bytes], size: int, start: int = 0, end: int | None = None) -> bytes:
    """As a reader does it: stripe by stripe, from the shards that are there."""
    end = size if end is None else min(end, size)
    found = bytearray()
    for stripe in stripes(size, start, end):
        blocks = {n: data[stripe.position : stripe.position + stripe.block] for n, data in shards.items()}
        whole = decode_stripe(blocks, stripe.length)
        found += whole[max(0, start - stripe.offset) : end - stripe.offset]
    return bytes(found)


@pytest.mark.parametrize("size", SIZES)
def test_any_four_of_six(size: int) -> None:
    data = some_bytes(size)
    shards = shards_of(data)
    assert {len(shard) for shard in shards} == {shard_size(size)}
    for chosen in itertools.combinations(range(SHARDS), NEEDED):
        assert decoded({n: shards[n] for n in chosen}, size) == data


@given(st.binary(max_size=2000), st.integers(1, 3000), st.permutations(range(SHARDS)))
@example(b"", 1, list(range(SHARDS)))
@example(b"\0", 1, list(range(SHARDS))[::-1])
def test_whatever_the_bytes_and_however_they_come(data: bytes, chunk: int, order: list[int]) -> None:
    shards = shards_of(data, chunk)
    assert decoded({n: shards[n] for n in order[:NEEDED]}, len(data)) == data


@given(
    st.sampled_from([size for size in SIZES if size]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.permutations(range(SHARDS)),
)
def test_a_range_is_the_same_part(size: int, a: float, b: float, order: list[int]) -> None:
    start, end = sorted((int(a * size), int(b * size)))
    data = some_bytes(size)
    assert decoded({n: shards_of(data)[n] for n in order[:NEEDED]}, size, start, end) == data[start:end]


@pytest.mark.parametrize("size", [size for size in SIZES if size > 8192])
def test_half_of_three_replicas(size: int) -> None:
    assert SHARDS * shard_size(size) <= 1.5 * size + 2 * SHARDS


def test_three_shards_say_nothing() -> None:
    with pytest.raises(AssertionError):
        decode_stripe({0: b"a", 1: b"b", 5: b"c"}, 4)
