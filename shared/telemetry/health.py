"""What a function needs to be ready, and what it only gets slower without.

A module that talks to a backend registers a check when it is imported, so a function is asked just about what it
uses. Only backends whose setting is set are checked.
"""

from collections.abc import Callable
from typing import NamedTuple

from shared.config import setting
from shared.telemetry import metrics

Trouble = Callable[[], str | None]


class Check(NamedTuple):
    setting: str
    trouble: Trouble
    needed: bool


class Readiness(NamedTuple):
    """`down` holds what is needed and does not answer, `degraded` what can be done without: name -> reason."""

    backends: dict[str, str]
    down: dict[str, str]
    degraded: dict[str, str]


_checks: dict[str, Check] = {}


def register(name: str, setting: str, trouble: Trouble, *, needed: bool) -> None:
    """`trouble` asks the backend, quickly (a second at most), and tells in one line why it does not answer: the
    variable, the address, what was refused; None when it answers."""
    _checks[name] = Check(setting, trouble, needed)


def readiness() -> Readiness:
    """Asks every backend that is set; wadi_backend_up tells the same to Prometheus."""
    found = Readiness({}, {}, {})
    for name, check in _checks.items():
        if not setting(check.setting):
            continue
        reason = check.trouble()
        metrics.BACKEND_UP.labels(name).set(reason is None)
        found.backends[name] = "ok" if reason is None else "down"
        if reason is not None:
            (found.down if check.needed else found.degraded)[name] = reason
    return found
