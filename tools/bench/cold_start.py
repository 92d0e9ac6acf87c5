"""Cold start of every function in knative/: from nothing to its first answer, in milliseconds.

    python -m tools.bench.cold_start [--rounds 3] [--json]

`alone`  a fresh `python -m shared.runtime.serve`, as a container starts it
`local`  the runner's way: forked from the warm zygote
Both wait for /ready, so loading the function and reaching the database are in it.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from local import manifests, postgres
from local.activator.activator import Activator
from local.activator.instance import Instance, free_port
from local.activator.platform import Platform
from local.layout import ROOT, SERVE
from local.manifests import Service
from shared.db.migrate import migrate

LONGEST = 30.0


def alone(service: Service, platform: Platform) -> float:
    """Milliseconds of a process of its own."""
    port = free_port()
    variables = platform.environment(service, port)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # images hold our code compiled
    began = time.perf_counter()
    with platform.log_file(service.name).open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", SERVE], cwd=ROOT, env=variables, stdout=log, stderr=log)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).read()
                return (time.perf_counter() - began) * 1000
            except OSError as error:
                if process.poll() is not None or time.perf_counter() - began > LONGEST:
                    raise SystemExit(f"{service.name} does not start: see {platform.log_file(service.name)}") from error
                time.sleep(0.002)
    finally:
        process.kill()
        process.wait()


async def forked(service: Service, activator: Activator) -> float:
    """Milliseconds of a process forked from the zygote."""
    instance = Instance(service, activator.platform, activator.session)
    began = time.perf_counter()
    await instance.start()
    took = (time.perf_counter() - began) * 1000
    await instance.stop(grace=0)
    return took


async def measure(data: Path, url: str, rounds: int) -> list[dict[str, object]]:
    services = sorted(manifests.read(ROOT).services.values(), key=lambda one: one.name)
    variables = {"DATABASE_URL": url, "WADI_DATA": str(data), "JWT_SECRET": os.urandom(24).hex()}
    activator = Activator(services, Platform(data, variables))
    await activator.platform.launcher.start()
    rows: list[dict[str, object]] = []
    for service in services:
        fresh = [await asyncio.to_thread(alone, service, activator.platform) for _ in range(rounds)]
        warm = [await forked(service, activator) for _ in range(rounds)]
        row = {"function": service.name, "alone_ms": statistics.median(fresh), "local_ms": statistics.median(warm)}
        rows.append({name: round(value) if isinstance(value, float) else value for name, value in row.items()})
    await activator.stop(0)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        server = postgres.start(Path(folder), durable=False)
        try:
            migrate(server.url)
            rows = asyncio.run(measure(Path(folder), server.url, arguments.rounds))
        finally:
            server.stop()
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{'function':24}{'alone':>8}{'local':>8}   ms, median of {arguments.rounds}")
    for row in rows:
        print(f"{row['function']:24}{row['alone_ms']:>8}{row['local_ms']:>8}")


if __name__ == "__main__":
    main()
