"""A circuit breaker: who does not answer is left alone for a while, which costs one timeout and not one a request."""

import threading
import time

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


class Breaker:
    """Safe between threads. After a failure nobody may try for a pause, which doubles with each failure in a row; then
    one may, and only its success lets the others in."""

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
        """Whether this is news: the first failure since the last success."""
        with self._lock:
            news = not self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE) or FIRST_PAUSE
            self._failed_at = time.monotonic()
            self._until = self._failed_at + self._pause
            return news

    def succeeded(self, began: float) -> bool:
        """Whether this is news: the first success since a failure. What `began` (time.monotonic) before the failure
        tells nothing of the time after it."""
        if not self._pause:
            return False
        with self._lock:
            news = bool(self._pause) and began > self._failed_at
            if news:
                self._pause = 0.0
            return news
