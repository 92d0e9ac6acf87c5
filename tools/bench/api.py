"""API reads at a steady rate: `python -m tools.bench.api [--rate 200] [--seconds 20]`.

A whole platform with 100 films of 10 minutes and the reads that people make of them, asked for at fixed times whether
or not earlier answers have come: a request that waits for its turn has waited. The client is a process of its own on
the same cores.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp

from tools.bench.box import Box, box
from tools.bench.films import ready_film

FILMS = 100
WARM_UP_S = 5
READS = {  # out of a hundred
    "GET /api/videos": (15, "/api/videos"),
    "GET /api/videos/{id}": (20, "/api/videos/{}"),
    "GET …/manifest/master.m3u8": (20, "/api/videos/{}/manifest/master.m3u8"),
    "GET …/manifest/1080p.m3u8": (25, "/api/videos/{}/manifest/1080p.m3u8"),
    "GET …/status": (10, "/api/videos/{}/status"),
    "GET …/segments": (5, "/api/videos/{}/segments"),
    "GET /api/search": (5, "/api/search?q=film"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as name, box(Path(name)) as platform:
        films = _films(platform)
        asyncio.run(load(platform.url, films, arguments.rate, WARM_UP_S))
        before = os.getloadavg()[0]
        answers = asyncio.run(load(platform.url, films, arguments.rate, arguments.seconds))
    print(
        json.dumps({"rate": arguments.rate, "load_before": before, **_summary(answers)}, indent=2, ensure_ascii=False)
    )


async def load(url: str, films: list[str], rate: int, seconds: int) -> dict[str, list[tuple[float, int]]]:
    """Milliseconds from when each request was due, and its status, by kind of read."""
    answers: dict[str, list[tuple[float, int]]] = defaultdict(list)
    chosen = random.Random(7)  # the same films in the same order each time
    kinds = chosen.choices(list(READS), [share for share, _ in READS.values()], k=rate * seconds)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:

        async def read(kind: str, film: str, due: float) -> None:
            try:
                async with session.get(url + READS[kind][1].format(film)) as answer:
                    await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
            answers[kind].append(((time.perf_counter() - due) * 1000, status))

        began = time.perf_counter()
        tasks = []
        for number, kind in enumerate(kinds):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(read(kind, chosen.choice(films), due)))
        await asyncio.gather(*tasks)
    return answers


def _films(platform: Box) -> list[str]:
    os.environ["DATABASE_URL"] = platform.database_url
    from shared import db

    films = []
    for _ in range(FILMS):
        with db.transaction() as tx:
            nodes = tx.values(str, "select id from node")
            films.append(ready_film(tx, "bench", nodes, 10))
    with db.transaction() as tx:
        tx.execute("analyze")
    return films


def _summary(answers: dict[str, list[tuple[float, int]]]) -> dict[str, Any]:
    everything = [each for kind in answers.values() for each in kind]
    return {
        "answers": len(everything),
        "not_200": sum(status != 200 for _, status in everything),
        "all_ms": _percentiles(everything),
        "by_read_ms": {kind: _percentiles(answers[kind]) for kind in READS},
    }


def _percentiles(answers: list[tuple[float, int]]) -> dict[str, float]:
    cuts = statistics.quantiles((took for took, _ in answers), n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1)}


if __name__ == "__main__":
    main()
