"""The connection to OpenSearch, made when it is first used.

opensearch-py says `from events import Events` and means the PyPI package Events, whose module has the same name as our
own package `events`, which is found first. So when this module is imported, it loads their class from the files of its
distribution and adds it to our package: import this module before opensearchpy. Nothing of ours is replaced.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import events
from shared.config import ConfigError, setting
from shared.errors import Unavailable

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

SECONDS = 10.0  # for an answer; longer requests set their own limit
THREADS = 32  # connections that stay open


def client() -> OpenSearch:
    """The client of this process. Raises ConfigError for an OPENSEARCH_URL that is none."""
    return _client(setting("OPENSEARCH_URL"), os.getpid())  # a forked child needs its own connections


@cache
def _client(urls: str, _pid: int) -> OpenSearch:
    hosts = [url.strip() for url in urls.split(",") if url.strip()]
    if not hosts or not all(_well_formed(url) for url in hosts):
        raise ConfigError("OPENSEARCH_URL is not of the form https://user:password@host:port (several: with commas).")
    from opensearchpy import OpenSearch

    # A request that found no connection is safe to send again; one that was not answered in time is not.
    return OpenSearch(hosts, timeout=SECONDS, max_retries=len(hosts), retry_on_timeout=False, pool_maxsize=THREADS)


def lend_events() -> None:
    """Puts the class that opensearchpy imports into our package `events`. Raises ConfigError if it is missing."""
    if hasattr(events, "Events"):
        return
    try:
        file = importlib.metadata.distribution("Events").locate_file("events/events.py")
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError("OPENSEARCH_URL is set, but the package Events of opensearch-py is not installed.") from error
    spec = importlib.util.spec_from_file_location("events_of_opensearch", str(file))
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    events.Events = theirs.Events  # type: ignore[attr-defined]  # for opensearchpy only


@contextmanager
def raising_unavailable() -> Iterator[None]:
    """Turns errors that are not ours into Unavailable, with the address and what was refused."""
    from opensearchpy.exceptions import ConnectionError, TransportError

    try:
        yield
    except ConnectionError as error:  # also a timeout, also TLS
        raise Unavailable(f"OPENSEARCH_URL: {address()} does not answer: {_short(error.info)}") from error
    except TransportError as error:
        if int(error.status_code) in (401, 403, 429) or int(error.status_code) >= 500:
            raise Unavailable(
                f"OPENSEARCH_URL: {address()} refuses: {error.status_code} {_short(error.error)}"
            ) from error
        raise


def address() -> str:
    """OPENSEARCH_URL without passwords."""
    parts = [urlsplit(url.strip()) for url in setting("OPENSEARCH_URL").split(",") if url.strip()]
    return ", ".join(f"{part.hostname}:{part.port or (443 if part.scheme == 'https' else 9200)}" for part in parts)


def _well_formed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _short(what: object) -> str:
    return " ".join(str(what).split())[:200]


lend_events()
logging.getLogger("opensearch").setLevel(logging.ERROR)  # it warns of every refusal, also of those that we handle
