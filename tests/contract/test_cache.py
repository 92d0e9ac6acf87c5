"""What every cache does."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_server

import pytest

from shared.cache import Cache, CacheDown, check_settings
from shared.cache.memory import LARGEST, MemoryCache
from shared.cache.redis import TIMEOUT, RedisCache
from shared.config import ConfigError
from shared.ids import new_id
from tests.patience import until
from tests.real import need
from tools.backends import redis as redis_server
from tools.backends.server import Server


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    return MemoryCache() if request.param == "memory" else RedisCache(need("redis"), lambda _: None)


@pytest.fixture
def key() -> str:
    """One that no other test uses."""
    return f"test:{new_id()}"


@pytest.mark.parametrize("value", [b"", b"x", bytes(range(256)), b"y" * 100_000])
def test_gives_back_what_was_put(cache: Cache, key: str, value: bytes) -> None:
    assert cache.get(key) is None
    cache.put(key, value, 60)
    assert cache.get(key) == value
    cache.put(key, b"another", 60)
    assert cache.get(key) == b"another"


def test_keeps_nothing_longer_than_asked(cache: Cache, key: str) -> None:
    cache.put(key, b"x", 1)
    cache.put(key + "longer", b"x", 60)
    until(lambda: cache.get(key) is None)
    assert cache.get(key + "longer") == b"x"


def test_keeps_nothing_for_no_time(cache: Cache, key: str) -> None:
    cache.put(key, b"x", 60)
    cache.put(key, b"y", 0)
    assert cache.get(key) is None


def test_forgets(cache: Cache, key: str) -> None:
    for name in (key, key + "2", key + "3"):
        cache.put(name, b"x", 60)
    cache.forget()
    cache.forget(key, key + "2", key + "never put")
    assert [cache.get(name) for name in (key, key + "2", key + "3")] == [None, None, b"x"]


def test_counts_in_a_window(cache: Cache, key: str) -> None:
    assert [cache.count(key, 60) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    assert cache.count(key + "other", 600) == (1, 600)
    cache.forget(key)
    assert cache.count(key, 60) == (1, 60)


def test_a_window_begins_with_the_first_count_and_ends(cache: Cache, key: str) -> None:
    assert cache.count(key, 1) == (1, 1)
    assert cache.count(key, 1) == (2, 1), "the second does not begin it anew"
    until(lambda: cache.count(key, 1)[0] == 1)


def test_counts_each_of_many_at_once(cache: Cache, key: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        counted = sorted(pool.map(lambda _: cache.count(key, 60)[0], range(200)))
    assert counted == list(range(1, 201))


def test_answers_a_ping(cache: Cache) -> None:
    cache.ping()


# --- in this process


def test_what_was_least_lately_used_goes_when_room_is_short() -> None:
    cache = MemoryCache(room=10_000)
    for number in range(8):
        cache.put(str(number), bytes(1000), 60)
    assert cache.get("0") is not None
    cache.put("8", bytes(1000), 60)
    cache.put("9", bytes(1000), 60)
    assert [n for n in range(10) if cache.get(str(n)) is not None] == [0, 3, 4, 5, 6, 7, 8, 9]


def test_one_large_value_does_not_drive_the_others_out() -> None:
    cache = MemoryCache()
    cache.put("small", b"x", 60)
    cache.put("large", bytes(LARGEST), 60)
    assert cache.get("large") is None
    assert cache.get("small") == b"x"


def test_room_is_given_back() -> None:
    cache = MemoryCache(room=10_000)
    for number in range(100):
        cache.put("same", bytes(5000), 60)
        cache.put(f"gone {number}", bytes(1000), 60)
        cache.forget(f"gone {number}")
    assert cache.get("same") is not None


# --- Redis that does not answer


@pytest.fixture
def told() -> list[str | None]:
    """What the cache said of itself."""
    return []


def test_what_refuses_is_named_once_without_its_password(told: list[str | None], key: str) -> None:
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    cache = RedisCache(f"redis://somebody:secret@127.0.0.1:{port}/0", told.append)
    for _ in range(5):
        with pytest.raises(CacheDown, match=rf"REDIS_URL: 127\.0\.0\.1:{port} does not answer: .*refused") as raised:
            cache.get(key)
        assert "secret" not in str(raised.value)
    assert len(told) == 1


def test_one_that_is_silent_costs_one_timeout_and_not_one_a_request(told: list[str | None], key: str) -> None:
    with create_server(("127.0.0.1", 0)) as server:  # it takes connections and says nothing
        server.settimeout(0.01)
        cache = RedisCache(f"redis://127.0.0.1:{server.getsockname()[1]}/0", told.append)
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(CacheDown):
                cache.get(key)
        assert time.monotonic() - began < 50 * TIMEOUT / 2
    assert len(told) == 1


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    need("redis")  # where it runs it can be started
    server = redis_server.start(tmp_path)
    yield server
    server.kill()


def test_killed_and_started_again(own_redis: Server, told: list[str | None], key: str) -> None:
    cache = RedisCache(own_redis.address, told.append)
    cache.put(key, b"x", 60)
    own_redis.kill()
    with pytest.raises(CacheDown):
        cache.get(key)
    own_redis.restart()

    def answers() -> bool:
        try:
            cache.put(key, b"y", 60)
        except CacheDown:
            return False
        return True

    until(answers)
    assert cache.get(key) == b"y"
    assert [bool(trouble) for trouble in told] == [True, False]


def test_a_restart_between_two_requests_costs_nothing(own_redis: Server, told: list[str | None], key: str) -> None:
    cache = RedisCache(own_redis.address, told.append)
    cache.put(key, b"x", 60)
    own_redis.kill()
    own_redis.restart()
    cache.put(key, b"y", 60)
    assert cache.get(key) == b"y"
    assert told == []


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1:6379", "redis://127.0.0.1:none/0"])
def test_what_is_no_url_is_refused_at_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigError, match="REDIS_URL is not of the form"):
        check_settings()


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1", "rediss://somebody:secret@redis.example.org:6380/3"])
def test_what_may_be_one_is_not(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    check_settings()
