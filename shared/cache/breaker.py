"""A circuit breaker: a server that does not answer costs one timeout, not one for every request."""

import threading
import time

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


class Breaker:
    """Safe between threads. A failure opens it for a pause, which doubles with each failure in a row. After the pause
    one caller may try, and its success closes the breaker for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0
        self._failed_at = 0.0

    def may_try(self) -> bool:
        if not self._pause:
            return True
        with self._lock:
            now = time.monotonic()
            if self._pause and now < self._until:
                return False
            self._until = now + self._pause
            return True

    def failed(self) -> bool:
        """True for the first failure since the last success."""
        with self._lock:
            first = not self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE) or FIRST_PAUSE
            self._failed_at = time.monotonic()
            self._until = self._failed_at + self._pause
            return first

    def succeeded(self, began: float) -> bool:
        """True for the first success since a failure. A request that `began` (time.monotonic) before the failure does
        not count: its success shows nothing about the time after."""
        if not self._pause:
            return False
        with self._lock:
            first = bool(self._pause) and began > self._failed_at
            if first:
                self._pause = 0.0
            return first
