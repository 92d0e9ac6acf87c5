"""K_SINK: where the Broker is, how to talk to it, and whether it answers.

The names are those that Knative's SinkBinding sets: K_SINK, the URL; K_CE_OVERRIDES, extensions that every event gets;
K_CA_CERTS, who signed the certificate of an https URL.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from shared.config import ConfigError, setting

if TYPE_CHECKING:
    from http.client import HTTPConnection

CONNECT_SECONDS = 3.0
ASK_SECONDS, ASKED_ANEW_SECONDS = 0.5, 5.0
CORE = {"id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema", "data"}

_last_answer: tuple[float, str] = (0.0, "")


class Address(NamedTuple):
    https: bool
    host: str
    port: int
    path: str


def check_settings() -> None:
    """Raises ConfigError with what is wrong, in one line."""
    new_connection()
    overrides()
    if setting("KAFKA_BROKERS"):
        raise ConfigError(
            "K_SINK and KAFKA_BROKERS are both set: events go one way or the other, so unset one of them."
        )


def address() -> Address:
    """The sink. Raises ConfigError."""
    text = setting("K_SINK")
    wrong = ConfigError(f"K_SINK={text!r} is not of the form http://host[:port]/path.")
    try:
        url = urlsplit(text)
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        raise wrong from None
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or re.search(r"[\s#]", text):
        raise wrong
    return Address(
        url.scheme == "https", url.hostname, port, (url.path or "/") + (f"?{url.query}" if url.query else "")
    )


def overrides() -> dict[str, str]:
    """The extensions that every event gets. Raises ConfigError."""
    text = setting("K_CE_OVERRIDES")
    if not text:
        return {}
    try:
        found = json.loads(text).get("extensions") or {}
        good = all(re.fullmatch("[a-z0-9]+", name) and isinstance(value, str) for name, value in found.items())
    except (ValueError, AttributeError):
        good = False
    if not good or CORE & found.keys():
        raise ConfigError(f'K_CE_OVERRIDES={text!r} is not of the form {{"extensions": {{"name": "value"}}}}.')
    return dict(found)


def new_connection(seconds: float = CONNECT_SECONDS) -> HTTPConnection:
    """A connection to the sink that is not open yet. Raises ConfigError."""
    from http.client import HTTPConnection, HTTPSConnection

    at = address()
    if not at.https:
        return HTTPConnection(at.host, at.port, timeout=seconds)
    from ssl import SSLError, create_default_context

    try:
        trusted = create_default_context(cadata=setting("K_CA_CERTS") or None)
    except (SSLError, ValueError) as error:
        raise ConfigError(f"K_CA_CERTS does not hold certificates: {error}") from error
    return HTTPSConnection(at.host, at.port, timeout=seconds, context=trusted)


def no_answer(reason: object) -> ConfigError:
    """One line that names the variable, the address and what went wrong."""
    said = " ".join(str(reason).split()) or type(reason).__name__
    return ConfigError(f"K_SINK: no answer from {setting('K_SINK')}: {said}")


def unhealthy() -> str | None:
    """Why the sink does not answer, in one line; None when it does. Cheap: no event is sent, and an answer holds for a
    moment."""
    global _last_answer
    at, wrong = _last_answer
    if not at or time.monotonic() - at > ASKED_ANEW_SECONDS:
        wrong = _ask()
        _last_answer = (time.monotonic(), wrong)
    return str(no_answer(wrong)) if wrong else None


def _ask() -> str:
    """Knative's Brokers answer OPTIONS. Whatever answers anything below 500 is there."""
    from http.client import HTTPException

    asked = new_connection(ASK_SECONDS)
    try:
        asked.request("OPTIONS", address().path)
        answer = asked.getresponse()
        return f"{answer.status} {answer.reason}" if answer.status >= 500 else ""
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        asked.close()
