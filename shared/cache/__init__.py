"""A cache of results: in Redis when REDIS_URL is set, else in the memory of this process.

Everything works without the cache: when Redis does not answer, reads find nothing and writes are dropped; the log says
so once, /ready and wadi_cache_errors_total for as long as it lasts. Cached values may be stale: `forget` does not reach
the memory of other processes. So a key must contain a version that changes with the value (a generation in its row,
the epoch of the ring).

It may import shared.config and shared.telemetry only.
"""

import logging
from functools import lru_cache
from urllib.parse import urlsplit

from shared.cache.base import Cache, CacheDown
from shared.cache.memory import MemoryCache
from shared.config import ConfigError, setting
from shared.telemetry import metrics

__all__ = ["Cache", "CacheDown", "check_settings", "count", "forget", "get", "put", "unhealthy_reason"]

SCHEMES = ("redis", "rediss", "unix")

log = logging.getLogger("wadi.cache")


def check_settings() -> None:
    """Raises ConfigError when REDIS_URL is malformed. Whether Redis answers is asked by /ready."""
    try:
        parts = urlsplit(setting("REDIS_URL"))
        well_formed = not setting("REDIS_URL") or (parts.scheme in SCHEMES and parts.port != 0)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ConfigError("REDIS_URL is not of the form redis://user:password@host:port/0.")


def get(key: str) -> bytes | None:
    try:
        value = _cache().get(key)
    except CacheDown:
        metrics.CACHE_ERRORS.inc()
        value = None
    metrics.CACHE_READS.labels("miss" if value is None else "hit").inc()
    return value


def put(key: str, value: bytes, seconds: int) -> None:
    try:
        _cache().put(key, value, seconds)
    except CacheDown:
        metrics.CACHE_ERRORS.inc()


def forget(*keys: str) -> None:
    try:
        _cache().forget(*keys)
    except CacheDown:
        metrics.CACHE_ERRORS.inc()


def count(name: str, window_s: int) -> tuple[int, int] | None:
    """Adds one: the count in this window, and the seconds until it ends. None when the cache does not answer.

    Without Redis every process has its own count; shared/rate_limit has counts that hold for all processes.
    """
    try:
        return _cache().count(name, window_s)
    except CacheDown:
        metrics.CACHE_ERRORS.inc()
        return None


def _cache() -> Cache:
    return _made(setting("REDIS_URL"))


@lru_cache(maxsize=8)
def _made(url: str) -> Cache:
    if not url:
        return MemoryCache()
    from shared.cache.redis import RedisCache

    return RedisCache(url, _changed)


def _changed(reason: str | None) -> None:
    metrics.BACKEND_UP.labels("redis").set(reason is None)
    if reason is None:
        log.info("Redis answers again")
    else:
        log.warning("%s; going on without it", reason)


def unhealthy_reason() -> str | None:
    """Why Redis does not answer, in one line; None when it does, or is not used."""
    try:
        _cache().ping()
    except CacheDown as error:
        return str(error)
    return None
