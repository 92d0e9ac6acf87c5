"""W3C Trace Context: the traceparent of the work at hand, from request to event to request."""

import os
import re
from contextvars import ContextVar

HEADER = "traceparent"
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def enter(traceparent: str | None) -> None:
    """Continues the caller's trace, or begins one when it sent none or a malformed one."""
    known = traceparent if traceparent and _FORM.fullmatch(traceparent) else None
    trace = known[3:35] if known else os.urandom(16).hex()
    _current.set(f"00-{trace}-{os.urandom(8).hex()}-01")


def current() -> str:
    if not _current.get():
        enter(None)
    return _current.get()
