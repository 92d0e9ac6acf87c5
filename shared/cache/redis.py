"""Redis: one cache for all processes.

redis-py takes 0.3 s to import, so it is imported at the first use. Redis is used for speed only: when it does not
answer within TIMEOUT, the caller does without it.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from shared.cache.base import CacheDown
from shared.cache.breaker import Breaker

if TYPE_CHECKING:
    import redis

TIMEOUT = 0.3  # seconds
PREFIX = "wadi:"

Answer = TypeVar("Answer")


class RedisCache:
    """`on_change` is called with the reason when Redis stops answering, and with None when it answers again."""

    def __init__(self, url: str, on_change: Callable[[str | None], None]) -> None:
        self._url = url
        self._on_change = on_change
        self._breaker = Breaker()
        self._client: redis.Redis | None = None
        self._reason = ""

    def get(self, key: str) -> bytes | None:
        value: bytes | None = self._ask(lambda client: client.get(PREFIX + key))
        return value

    def put(self, key: str, value: bytes, seconds: int) -> None:
        if seconds > 0:
            self._ask(lambda client: client.set(PREFIX + key, value, ex=seconds))
        else:
            self.forget(key)

    def forget(self, *keys: str) -> None:
        if keys:
            self._ask(lambda client: client.delete(*(PREFIX + key for key in keys)))

    def count(self, name: str, window_s: int) -> tuple[int, int]:
        key = PREFIX + name

        def add(client: "redis.Redis") -> tuple[int, int]:
            with client.pipeline(transaction=True) as steps:
                steps.set(key, 0, ex=window_s, nx=True)
                steps.incr(key)
                steps.pttl(key)
                _, used, left_ms = steps.execute()
            return used, max(1, -(-left_ms // 1000))

        counted: tuple[int, int] = self._ask(add)
        return counted

    def ping(self) -> None:
        self._ask(lambda client: client.ping(), always=True)

    def _ask(self, command: "Callable[[redis.Redis], Any]", *, always: bool = False) -> Any:
        """The answer to a command. Raises CacheDown: at once while the breaker is open, unless `always` is set."""
        if not always and not self._breaker.may_try():
            raise CacheDown(self._reason)
        import redis

        began = time.monotonic()
        try:
            if self._client is None:
                self._client = _client(self._url)
            answer = command(self._client)
        except (redis.RedisError, OSError, ValueError) as error:
            self._reason = f"REDIS_URL: {_where(self._url)} does not answer: {' '.join(str(error).split())}"
            if self._breaker.failed():
                self._on_change(self._reason)
            raise CacheDown(self._reason) from error
        if self._breaker.succeeded(began):
            self._on_change(None)
        return answer


def _client(url: str) -> "redis.Redis":
    """Raises ValueError when the URL is malformed."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        # an open connection whose server was restarted is replaced; a timeout is not tried again
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        protocol=2,
        driver_info=None,
    )


def _where(url: str) -> str:
    """The address without the password."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or 6379}"
    except ValueError:
        return "the address"
