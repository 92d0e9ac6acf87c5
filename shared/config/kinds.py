"""The kinds of settings: each knows its default, its unit, its bounds, and what is wrong with a value.

No dataclasses: every cold start of a function imports this.
"""

import math
import re
from urllib.parse import urlsplit


class ConfigError(Exception):
    """A setting that cannot be used; the message names the variable and what to do."""


class Setting:
    """A setting that is any text."""

    kind = "text"

    def __init__(self, name: str, default: str, doc: str) -> None:
        self.name = name
        self.default = default
        self.doc = doc

    def check(self, text: str) -> None:
        """Raises ConfigError for a value that cannot be used."""

    @property
    def allowed(self) -> str:
        """What a value may be, for the documentation."""
        return ""


class Text(Setting):
    pass


class Secret(Setting):
    """Its value is never printed."""

    kind = "secret"

    def __init__(self, name: str, doc: str) -> None:
        super().__init__(name, "", doc)


class Url(Setting):
    """A URL, or several. It may hold a password, so it is never printed; whoever connects to it checks its form."""

    kind = "URL"

    def __init__(self, name: str, doc: str, *, form: str) -> None:
        super().__init__(name, "", doc)
        self.form = form

    @property
    def allowed(self) -> str:
        return self.form


class PublicUrl(Url):
    """Where clients are sent: nobody here connects to it, so its form is checked at start."""

    def check(self, text: str) -> None:
        try:
            parts = urlsplit(text)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is none
            good = False
        if not good or "?" in text or "#" in text or "@" in text or re.search(r"\s", text):
            raise ConfigError(f"{self.name} is no URL of the form {self.form}.")


class Directory(Setting):
    """A path, or several. Whether it is there is checked where it is used."""

    kind = "path"

    def __init__(self, name: str, doc: str, default: str = "") -> None:
        super().__init__(name, default, doc)


class Choice(Setting):
    kind = "choice"

    def __init__(self, name: str, default: str, doc: str, *, of: tuple[str, ...], any_case: bool = False) -> None:
        super().__init__(name, default, doc)
        self.of = of
        self.any_case = any_case

    def check(self, text: str) -> None:
        if (text.upper() if self.any_case else text) not in self.of:
            *others, last = self.of
            neither = f"neither {others[0]} nor" if len(self.of) == 2 else f"none of {', '.join(others)} and"
            raise ConfigError(f"{self.name}={text!r} is {neither} {last}.")

    @property
    def allowed(self) -> str:
        return ", ".join(self.of)


class Choices(Setting):
    """Some of several names, with commas, each once and in the order in which `of` has them."""

    kind = "choices"

    def __init__(self, name: str, default: str, doc: str, *, of: tuple[str, ...]) -> None:
        super().__init__(name, default, doc)
        self.of = of

    def value(self, text: str) -> list[str]:
        """The names. Raises ConfigError."""
        names = [name.strip() for name in text.split(",")]
        *others, last = self.of
        for number, name in enumerate(names):
            if name not in self.of:
                raise ConfigError(f"{self.name}={text!r}: {name!r} is none of {', '.join(others)} and {last}.")
            if name in names[:number]:
                raise ConfigError(f"{self.name}={text!r} names {name} twice.")
        ordered = sorted(names, key=self.of.index)
        if names != ordered:
            raise ConfigError(f"{self.name}={text!r} is not in order: write {','.join(ordered)}.")
        return names

    def check(self, text: str) -> None:
        self.value(text)

    @property
    def allowed(self) -> str:
        return f"some of {', '.join(self.of)}, in this order, with commas"


class Integer(Setting):
    """A whole number of `unit`s, from `minimum` to `maximum`."""

    kind = "whole number"

    def __init__(
        self, name: str, default: int, doc: str, *, unit: str, minimum: int = 0, maximum: int | None = None
    ) -> None:
        super().__init__(name, str(default), doc)
        self.unit = unit
        self.minimum = minimum
        self.maximum = maximum

    def value(self, text: str) -> int:
        """The number. Raises ConfigError."""
        try:
            value = int(text)
        except ValueError:
            raise ConfigError(f"{self.name}={text!r} is not a whole number.") from None
        if value < self.minimum:
            raise ConfigError(f"{self.name}={value} is too small: it must be at least {self.minimum}.")
        if self.maximum is not None and value > self.maximum:
            raise ConfigError(f"{self.name}={value} is too large: it must be at most {self.maximum}.")
        return value

    def check(self, text: str) -> None:
        self.value(text)

    @property
    def allowed(self) -> str:
        if self.maximum is None:
            return f"at least {self.minimum}" if self.minimum else ""
        return f"{self.minimum} to {self.maximum}"


class Seconds(Setting):
    """A duration greater than 0; fractions are allowed."""

    kind = "number"
    unit = "seconds"

    def value(self, text: str) -> float:
        """The number. Raises ConfigError."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise ConfigError(f"{self.name}={text!r} is not a number of seconds greater than 0.")
        return value

    def check(self, text: str) -> None:
        self.value(text)

    @property
    def allowed(self) -> str:
        return "greater than 0"
