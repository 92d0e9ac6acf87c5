"""Search over 100,000 videos: `python -m tools.bench.search [--videos 100000 --queries 200]`, JSON on stdout.

PostgreSQL and, where OPENSEARCH_URL leads to one, OpenSearch; the same documents and the same queries in one run, made
by `wadi reindex` and searched without a cache, then once more through the cache. Titles have 4 words and descriptions
25, drawn as words are in a language: a few are everywhere, most are rare.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SYLLABLES = [first + vowel for first in "bcdfghklmnprstvz" for vowel in "aeiou"]
VOCABULARY = 30_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--videos", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=200)
    given = arguments.parse_args()
    url = os.environ.pop("OPENSEARCH_URL", "")
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        print(json.dumps(run(Path(folder), given.videos, given.queries, url), indent=2))


def run(folder: Path, videos: int, queries: int, opensearch: str) -> dict[str, Any]:
    from local import postgres
    from shared.db.migrate import migrate

    server = postgres.start(folder)
    try:
        os.environ["DATABASE_URL"] = server.url
        migrate(server.url)
        words = vocabulary()
        fill(words, videos)
        asked = make_queries(words, queries)
        engines: dict[str, dict[str, str]] = {"postgres": {}}
        if opensearch:
            engines["opensearch"] = {
                "OPENSEARCH_URL": opensearch,
                "OPENSEARCH_INDEX": "wadi-bench",
                "OPENSEARCH_REPLICAS": "0",
            }
        else:
            print("OPENSEARCH_URL is not set: PostgreSQL only", file=sys.stderr)
        try:
            return {"videos": videos, **measure(engines, asked)}
        finally:
            if opensearch:
                remove()
    finally:
        server.stop()


def vocabulary() -> list[str]:
    chance = random.Random(1)
    words = {"".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(2 * VOCABULARY)}
    return sorted(words, key=lambda _: chance.random())[:VOCABULARY]


def fill(words: list[str], videos: int) -> None:
    from shared.db import transaction

    chance = random.Random(2)
    cumulative = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(words))))

    def text(count: int) -> str:
        return " ".join(chance.choices(words, cum_weights=cumulative, k=count))

    def row(n: int) -> tuple[str, ...]:
        return f"v{n:035x}", f"owner{n % 500}", text(4), text(25), "public" if n % 10 else "private", "ready", "now"

    with transaction() as tx:
        for begin in range(0, videos, 1000):
            tx.execute_many(
                "insert into video (id, owner_id, title, description, visibility, state, ready_at) values %s",
                [row(n) for n in range(begin, min(begin + 1000, videos))],
            )


def make_queries(words: list[str], count: int) -> dict[str, list[str]]:
    """Words of the middle of the language, as people search for: neither everywhere nor nowhere."""
    chance = random.Random(3)

    def word() -> str:
        return words[int(20 * (len(words) / 40) ** chance.random())]

    kinds: dict[str, Callable[[], str]] = {
        "a word": lambda: f'"{word()}"',
        "two words": lambda: f'{word()} "{word()}"',
        "the beginning of a word": lambda: word()[:4],
        "either of two": lambda: f'{word()} OR "{word()}"',
        "one without another": lambda: f'-{word()} "{word()}"',
        "a phrase": lambda: f'"{word()} {word()}"',
    }
    return {kind: [make() for _ in range(count // len(kinds))] for kind, make in kinds.items()}


def measure(engines: dict[str, dict[str, str]], asked: dict[str, list[str]]) -> dict[str, Any]:
    """Each query is made to one engine right after the other, so what else the machine does slows both."""
    from shared.db import transaction
    from shared.search import open_index
    from shared.search.cached_search import cached_search

    def plain(query: str) -> int:
        with transaction() as tx:
            return len(open_index(tx).search(query, viewer="owner7").results)

    def kept(query: str) -> int:
        with transaction() as tx:
            return len(cached_search(tx, query, viewer="owner7", kind=None, limit=20, cursor=None).results)

    speed = {}
    for name in engines:
        use(engines, name)
        speed[name] = index()
    every = [query for queries in asked.values() for query in queries]
    random.Random(4).shuffle(every)
    took: dict[str, dict[str, list[float]]] = {name: {"plain": [], "kept": []} for name in engines}
    began = os.getloadavg()[0]
    for round_ in range(2):  # the first one warms up
        for query in every:
            for name in engines:
                use(engines, name)
                milliseconds = timed(plain, query)
                if round_:
                    took[name]["plain"].append(milliseconds)
                    kept(query)
                    took[name]["kept"].append(timed(kept, query))
    result: dict[str, Any] = {"load": [round(began, 1), round(os.getloadavg()[0], 1)]}
    for name in engines:
        by_query = dict(zip(every, took[name]["plain"], strict=True))
        result[name] = {
            "indexed_per_second": speed[name],
            "all_ms": spread(took[name]["plain"]),
            "from_cache_ms": spread(took[name]["kept"]),
            **{kind: spread([by_query[query] for query in queries]) for kind, queries in asked.items()},
        }
    return result


def use(engines: dict[str, dict[str, str]], name: str) -> None:
    for other in engines.values():
        for setting in other:
            os.environ.pop(setting, None)
    os.environ |= engines[name]


def index() -> int:
    """Documents a second."""
    from shared.db import transaction
    from shared.search.rebuild import rebuild

    began = time.perf_counter()
    rebuilt = rebuild()
    seconds = time.perf_counter() - began
    with transaction() as tx:
        tx.execute("analyze search_document")
    return round(rebuilt.documents / seconds)


def timed(call: Callable[[str], int], query: str) -> float:
    began = time.perf_counter()
    call(query)
    return (time.perf_counter() - began) * 1000


def spread(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1)}


def remove() -> None:
    from shared.search.opensearch import mapping
    from shared.search.opensearch.client import client

    for index in mapping.behind(client(), mapping.alias()):
        client().indices.delete(index=index)


if __name__ == "__main__":
    main()
