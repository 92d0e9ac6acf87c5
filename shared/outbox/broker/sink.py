"""K_SINK: where the Broker is, how to talk to it, and whether it answers.

The names are those that Knative's SinkBinding sets: K_SINK, the URL; K_CE_OVERRIDES, extensions that every event gets;
K_CA_CERTS, who signed the certificate of an https URL.
"""

from __future__ import annotations

import json
import os
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from shared.config import ConfigError, setting

if TYPE_CHECKING:
    from ssl import SSLContext

    from urllib3 import HTTPConnectionPool

CONCURRENCY = (
    8  # events on their way at once: an ingress takes milliseconds for each, most of them waiting for its backend
)
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
    if address().https:
        _trusted()
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


def pool() -> HTTPConnectionPool:
    """The open connections of this process to the sink. A forked child does not use those of its parent. Raises
    ConfigError."""
    return _pool_of(os.getpid(), setting("K_SINK"), setting("K_CA_CERTS"))


def forget_connections() -> None:
    """Where one connection is dead the others are too, and each would take its time to show it."""
    _pool_of.cache_clear()


@lru_cache(maxsize=1)
def _pool_of(pid: int, sink: str, certificates: str) -> HTTPConnectionPool:
    return _new_pool()


def _new_pool() -> HTTPConnectionPool:
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool  # 30 ms, and only who relays needs it

    at = address()
    if at.https:
        return HTTPSConnectionPool(at.host, at.port, maxsize=CONCURRENCY, ssl_context=_trusted())
    return HTTPConnectionPool(at.host, at.port, maxsize=CONCURRENCY)


def _trusted() -> SSLContext:
    from ssl import SSLError, create_default_context

    try:
        return create_default_context(cadata=setting("K_CA_CERTS") or None)
    except (SSLError, ValueError) as error:
        raise ConfigError(f"K_CA_CERTS does not hold certificates: {error}") from error


def reason(error: Exception) -> str:
    """What went wrong on the wire, in one line: urllib3 wraps it into sentences about its pools."""
    wrapped = [inner for inner in (error.__cause__, *error.args) if isinstance(inner, Exception)]
    innermost = reason(wrapped[-1]) if wrapped else str(error)
    return " ".join(innermost.split()) or type(error).__name__


def no_answer(reason: str) -> ConfigError:
    """One line that names the variable, the address and what went wrong."""
    return ConfigError(f"K_SINK: no answer from {setting('K_SINK')}: {reason}")


def unhealthy_reason() -> str | None:
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
    from urllib3.exceptions import HTTPError

    asking = _new_pool()
    try:
        answer = asking.request("OPTIONS", address().path, timeout=ASK_SECONDS, retries=False, redirect=False)
        return f"{answer.status} {answer.reason}" if answer.status >= 500 else ""
    except (OSError, HTTPError) as error:
        return reason(error)
    finally:
        asking.close()
