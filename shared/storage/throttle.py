"""A limit for the bytes per second of background jobs, so that requests find disks and networks free."""

import threading
import time


class Throttle:
    """Lets `per_second` bytes through, shared by all threads; 0 is no limit."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, count: int) -> None:
        """Returns once `count` more bytes are within the limit."""
        if not self._per_second:
            return
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next, now) + count / self._per_second
            pause = self._next - now
        time.sleep(pause)


UNTHROTTLED = Throttle(0)
