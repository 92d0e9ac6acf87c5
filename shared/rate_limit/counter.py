"""Counts that all processes share: in Redis when REDIS_URL is set, in PostgreSQL when it is not or does not answer.

They are never in memory: a function may have several processes, and none after each scale to zero. When Redis starts
or stops answering, the counts of the current windows start again at zero.
"""

from datetime import timedelta

from msgspec import Struct

from shared import cache, db
from shared.config import setting

KEPT_HOURS = 24  # longer than any window


class _Window(Struct):
    used: int
    wait: int  # seconds


def count(name: str, who: str, window_s: int) -> tuple[int, int]:
    """Adds one: the count in this window, and the seconds until the window ends (>= 1).

    A window begins with the first count after the previous one has ended.
    """
    counted = cache.count(_key(name, who), window_s) if setting("REDIS_URL") else None
    return counted or _count_in_postgres(name, who, window_s)


def clear(name: str, who: str) -> None:
    """Sets the count to zero."""
    if setting("REDIS_URL"):
        cache.forget(_key(name, who))
    with db.transaction() as tx:
        tx.execute("delete from rate_limit where name = %s and client = %s", (name, who))


def forget_old(tx: db.Transaction) -> None:
    """Removes windows that ended long ago."""
    tx.execute("delete from rate_limit where window_start < now() - make_interval(hours => %s)", (KEPT_HOURS,))


def _key(name: str, who: str) -> str:
    return f"count:{name}:{who}"


def _count_in_postgres(name: str, who: str, window_s: int) -> tuple[int, int]:
    with db.transaction() as tx:
        window = tx.one(
            _Window,
            """
            insert into rate_limit as r (name, client, window_start, used) values (%(name)s, %(who)s, now(), 1)
            on conflict (name, client) do update set
                used = case when r.window_start > now() - %(window)s then r.used + 1 else 1 end,
                window_start = case when r.window_start > now() - %(window)s then r.window_start else now() end
            returning used, ceil(extract(epoch from window_start + %(window)s - now()))::int as wait
            """,
            {"name": name, "who": who, "window": timedelta(seconds=window_s)},
        )
    assert window is not None, "an upsert returns its row"
    return window.used, max(1, window.wait)
