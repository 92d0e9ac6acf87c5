"""Every environment variable that Wadi reads: declared once, in declared.py, with its kind, unit and bounds.

A setting that is unset or empty has its default. The accessors raise ConfigError, which says in one sentence which
variable is wrong and what would be right; check_settings does that for all of them when a process starts.
"""

import os

from shared.config.declared import GROUPS, SETTINGS
from shared.config.kinds import Choice, Choices, ConfigError, Integer, Seconds

__all__ = ["GROUPS", "SETTINGS", "ConfigError", "check_settings", "choices", "duration", "integer", "setting"]


def setting(name: str) -> str:
    """The value of a declared setting, as text. Raises ConfigError for what is not among its choices."""
    declared = SETTINGS[name]
    text = os.environ.get(name) or declared.default
    if isinstance(declared, Choice):
        declared.check(text)
    return text


def choices(name: str) -> list[str]:
    """The value of a declared setting that is some of several names. Raises ConfigError."""
    declared = SETTINGS[name]
    assert isinstance(declared, Choices), f"{name} is declared as {declared.kind}"
    return declared.value(setting(name))


def integer(name: str) -> int:
    """The value of a declared setting that is a whole number, within its bounds. Raises ConfigError."""
    declared = SETTINGS[name]
    assert isinstance(declared, Integer), f"{name} is declared as {declared.kind}"
    return declared.value(setting(name))


def duration(name: str) -> float:
    """The value of a declared setting that is a duration, in seconds. Raises ConfigError."""
    declared = SETTINGS[name]
    assert isinstance(declared, Seconds), f"{name} is declared as {declared.kind}"
    return declared.value(setting(name))


def check_settings() -> None:
    """Raises ConfigError for the first setting whose value cannot be used by itself. What depends on several, and
    whether a backend answers, is checked by their owners."""
    for name, declared in SETTINGS.items():
        if text := os.environ.get(name):
            declared.check(text)
