"""The port: values (bytes) with an expiry, and counts in windows of time."""

from typing import Protocol


class CacheDown(Exception):
    """The cache does not answer; the message names its variable, its address and what was refused."""


class Cache(Protocol):
    """Both implementations pass tests/contract/test_cache.py. Raises CacheDown."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes, seconds: int) -> None:
        """Keeps the value for at most `seconds`: it may be evicted sooner, when memory is short."""

    def forget(self, *keys: str) -> None:
        """Removes values and counts."""

    def count(self, name: str, window_s: int) -> tuple[int, int]:
        """Adds one under `name`: the count in this window, and the seconds until the window ends (>= 1).

        A window begins with the first count after the previous one has ended.
        """

    def ping(self) -> None:
        """Returns when the cache answers."""
