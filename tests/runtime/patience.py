"""Waiting for something that is going to be."""

import time
from collections.abc import Callable

PATIENCE = 60.0


def until(true: Callable[[], object], what: str) -> None:
    """Returns when `true` does so; fails when that takes for ever."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
