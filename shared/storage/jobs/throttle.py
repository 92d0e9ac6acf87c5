"""A pace for work in the background, so that it leaves disks and networks to those who wait for something."""

import threading
import time


class Pace:
    """Lets `per_second` bytes through, shared by all threads; 0: as many as come."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        """Returns when these bytes' turn is over."""
        if not self._per_second:
            return
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next, now) + count / self._per_second
            pause = self._next - now
        time.sleep(pause)
