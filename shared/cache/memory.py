"""The embedded cache, in the memory of this process. The least recently used values are evicted first."""

import math
import threading
import time
from collections import OrderedDict

ROOM = 32 << 20  # bytes of keys and values
LARGEST = ROOM // 8  # one value must not evict all others
OVERHEAD = 200  # bytes of an entry, roughly


class MemoryCache:
    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            value, ends = self._values.get(key, (b"", 0.0))
            if ends <= time.monotonic():
                self._drop(key)
                return None
            self._values.move_to_end(key)
            return value

    def put(self, key: str, value: bytes, seconds: int) -> None:
        with self._lock:
            self._drop(key)
            if seconds <= 0 or _weight(key, value) > min(LARGEST, self._room):
                return
            self._values[key] = value, time.monotonic() + seconds
            self._used += _weight(key, value)
            while self._used > self._room:
                self._drop(next(iter(self._values)))

    def forget(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._drop(key)
                self._counts.pop(key, None)

    def count(self, name: str, window_s: int) -> tuple[int, int]:
        now = time.monotonic()
        with self._lock:
            used, ends = self._counts.pop(name, (0, 0.0))
            if ends <= now:
                used, ends = 0, now + window_s
            self._counts[name] = used + 1, ends
            if len(self._counts) * OVERHEAD > self._room:
                self._counts.popitem(last=False)
        # At most the window: a sum of floats less one of them can be a little more than the other.
        return used + 1, max(1, min(window_s, math.ceil(ends - now)))

    def ping(self) -> None:
        """Always answers."""

    def _drop(self, key: str) -> None:
        dropped = self._values.pop(key, None)
        if dropped is not None:
            self._used -= _weight(key, dropped[0])


def _weight(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD
