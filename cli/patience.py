"""Trying again: a broken connection or a busy server is waited for, with growing pauses, but not for ever."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from cli.errors import CliError, ServerProblem, Unreachable

T = TypeVar("T")
PATIENCE_SECONDS = 120.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
# A part on a slow line may take longer than our patience: one failure of it is not the end.
FEWEST_TRIES = 4


class Stopped(Exception):
    """The work was called off while it waited."""


class Patience:
    """Gives up after `seconds` of nothing but trouble. Threads may share one: the progress of any counts for all."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._stop = stop or threading.Event()
        self._trouble_since: float | None = None

    def progress(self) -> None:
        self._trouble_since = None

    def run(self, action: Callable[[], T], on_trouble: Callable[[CliError], None] | None = None) -> T:
        """The result of the action, tried again for as long as its errors may pass."""
        attempt = 0
        while True:
            try:
                result = action()
                self.progress()
                return result
            except (Unreachable, ServerProblem) as error:
                if isinstance(error, ServerProblem) and not error.may_pass:
                    raise
                attempt += 1
                pause = _pause(attempt, error)
                if self._is_over(pause) and attempt >= FEWEST_TRIES:
                    raise
                if on_trouble:
                    on_trouble(error)
                if self._stop.wait(pause):
                    raise Stopped from None

    def _is_over(self, pause: float) -> bool:
        now = time.monotonic()
        since = self._trouble_since = self._trouble_since or now
        return now + pause > since + self._seconds


def _pause(attempt: int, error: CliError) -> float:
    """Doubles each time; the random part keeps clients that broke together from coming back together."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311
    asked = error.retry_after if isinstance(error, ServerProblem) else None
    return max(pause, min(asked, LONGEST_PAUSE)) if asked else pause
