"""Waiting for something that other processes and threads bring about."""

import inspect
import time
from collections.abc import Callable
from typing import Literal, TypeVar

Seen = TypeVar("Seen")

SECONDS = 90.0


def until(
    look: Callable[[], Seen | Literal[False] | None],
    what: str | Callable[[], str] = "",
    seconds: float = SECONDS,
    *,
    ignoring: type[Exception] | tuple[type[Exception], ...] = (),
) -> Seen:
    """Calls `look` again and again until its result is true; returns that result.

    The deadline is for what never comes; it is far enough away to decide nothing on a slow machine. `what` names what
    is waited for (a callable is asked at the deadline); without it, the message quotes the source of `look`. An error
    of the kind `ignoring` means "not yet". Raises AssertionError at the deadline.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test that waited
    began = time.monotonic()
    while True:
        error: Exception | None = None
        try:
            seen = look()
        except ignoring as caught:
            error = caught
        else:
            if seen:
                return seen
        waited = time.monotonic() - began
        if waited > seconds:
            last = f"{type(error).__name__}: {error}" if error else repr(seen)
            raise AssertionError(f"not within {seconds:g} s: {_name(look, what)}; last seen: {last}") from error
        time.sleep(min(0.5, 0.01 + waited / 20))  # at most a twentieth late, and easy on whom a long wait asks


def _name(look: Callable[[], object], what: str | Callable[[], str]) -> str:
    return what() if callable(what) else what or inspect.getsource(look).strip()
