"""Retries with growing pauses, for a limited time, while connections break or the server is busy."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from cli.errors import CliError, ServerProblem, Unreachable

T = TypeVar("T")
GIVE_UP_SECONDS = 120.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
# A part on a slow line may take longer than the limit: a few failures of it are not the end.
FEWEST_TRIES = 4


class Stopped(Exception):
    """The work was cancelled while it waited."""


class Retrying:
    """Gives up after `seconds` of failures only. Threads may share one: a success of any of them counts for all."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._stop = stop or threading.Event()
        self._failing_since: float | None = None

    def progress(self) -> None:
        self._failing_since = None

    def run(self, action: Callable[[], T], on_error: Callable[[CliError], None] | None = None) -> T:
        """The result of the action, tried again as long as its errors are transient."""
        attempt = 0
        while True:
            try:
                result = action()
                self.progress()
                return result
            except (Unreachable, ServerProblem) as error:
                if isinstance(error, ServerProblem) and not error.is_transient:
                    raise
                attempt += 1
                pause = _pause(attempt, error)
                if self._is_over(pause) and attempt >= FEWEST_TRIES:
                    raise
                if on_error:
                    on_error(error)
                if self._stop.wait(pause):
                    raise Stopped from None

    def _is_over(self, pause: float) -> bool:
        now = time.monotonic()
        since = self._failing_since = self._failing_since or now
        return now + pause > since + self._seconds


def _pause(attempt: int, error: CliError) -> float:
    """Doubles each time; the random part keeps clients that failed together from returning together."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311
    asked = error.retry_after if isinstance(error, ServerProblem) else None
    return max(pause, min(asked, LONGEST_PAUSE)) if asked else pause
