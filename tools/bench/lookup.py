"""Manifests and placements from a warm cache against none, on a real Redis and PostgreSQL: `python -m
tools.bench.lookup`.

Each look-up is the whole answer of the function behind its WSGI app, without an HTTP server. With and without the cache
take turns, so that both see the same machine.
"""

import argparse
import functools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from tools.backends import postgres, redis
from tools.bench.films import ready_film

ROUNDS = 400
LOOKUPS = {
    "master": ("manifest", "/api/videos/{}/manifest/master.m3u8"),
    "playlist": ("manifest", "/api/videos/{}/manifest/1080p.m3u8"),
    "dash": ("manifest", "/api/videos/{}/manifest/manifest.mpd"),
    "placement": ("list_segments", "/api/videos/{}/segments"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where we are root
        servers = [start(Path(folder)) for start in (postgres.start, redis.start)]
        try:
            for server in servers:
                os.environ |= server.exports
            os.environ |= {"WADI_DATA": folder, "JWT_SECRET": "bench " * 8}
            print(json.dumps({"load": os.getloadavg()[0], **measure(rounds)}, indent=2))
        finally:
            for server in servers:
                server.stop()


def measure(rounds: int) -> dict[str, Any]:
    from shared import db
    from shared.db.migrate import migrate
    from shared.runtime.serve import create_app
    from shared.storage.nodes.nodes import load

    migrate(db.database_url())
    with db.transaction() as tx:
        nodes = sorted(load(tx).active())
        films = {f"{minutes} min": ready_film(tx, "bench", nodes, minutes) for minutes in (1, 10, 60)}
    for _ in range(200):  # other films: no index has just one
        with db.transaction() as tx:
            ready_film(tx, "bench", nodes, 2)
    with db.transaction() as tx:
        tx.execute("analyze")
    apps = {function: create_app(function) for function in {function for function, _ in LOOKUPS.values()}}
    return {
        f"{name}, {length}": compare(functools.partial(ask, apps[function], path.format(film)), rounds)
        for length, film in films.items()
        for name, (function, path) in LOOKUPS.items()
    }


def compare(look_up: Callable[[], bytes], rounds: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {"0": [], "3600": []}
    answers = set()
    for number in range(rounds + 20):
        for cached, taken in times.items():
            os.environ["CACHE_SECONDS"] = cached
            began = time.perf_counter()
            answers.add(look_up())
            if number >= 20:  # all is warm
                taken.append((time.perf_counter() - began) * 1000)
    assert len(answers) == 1, "the same answer either way"
    none, warm = (_percentiles(taken) for taken in times.values())
    saved = {name: round(1 - warm[name] / none[name], 3) for name in none}
    return {"none_ms": none, "warm_ms": warm, "saved": saved}


def ask(app: Any, path: str) -> bytes:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    said: list[str] = []
    body = b"".join(app(environ, lambda status, _headers, _exc=None: said.append(status)))
    assert said == ["200 OK"], (said, body)
    return body


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 3), "p95": round(cuts[94], 3)}


if __name__ == "__main__":
    main()
