"""How much memory an upload takes: `python -m tools.bench.upload_memory [--mib 2048]`, JSON on stdout.

A real object server, a real upload_video function, a real PostgreSQL, each in a process of its own; files of two sizes,
so that growth with the file would show. `peak_rss_mib` is VmHWM of the process that takes the bytes.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
PARALLEL = 4  # as `wadi upload` sends

OBJECT_SERVER = """
import asyncio, sys
from aiohttp import web
from local.gateway.objects import add_object_routes

async def main():
    app = web.Application()
    add_object_routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=2048, help="size of the larger file")
    mib = arguments.parse_args().mib
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        result = run(Path(folder), [max(1, mib // 32), mib])
    print(json.dumps(result, indent=2))


def run(folder: Path, sizes: list[int]) -> dict[str, Any]:
    os.environ |= {"WADI_DATA": str(folder), "JWT_SECRET": "bench " * 8, "UPLOAD_EXPIRES_HOURS": "1"}
    from local import postgres
    from shared.db.migrate import migrate

    server = postgres.start(folder)
    try:
        os.environ["DATABASE_URL"] = server.url
        migrate(server.url)
        result: dict[str, Any] = {}
        for mib in sizes:
            with (folder / "film.mp4").open("wb") as file:
                file.truncate(mib * MIB)  # sparse: its bytes cost no reading, only their way
            result[f"{mib} MiB"] = {
                "object_server_in_parts": in_parts(folder / "film.mp4"),
                "upload_video_whole": whole(folder / "film.mp4", form=False),
                "upload_video_form": whole(folder / "film.mp4", form=True),
            }
        return result
    finally:
        server.stop()


def in_parts(path: Path) -> dict[str, float]:
    from shared.runtime.serve import create_app

    port = free_port()
    os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    with process([sys.executable, "-c", OBJECT_SERVER, str(port)], port) as pid:
        before, began = peak(pid), time.perf_counter()
        size = path.stat().st_size
        headers = {"Authorization": f"Bearer {token()}"}
        answer = (
            create_app("init_upload")
            .test_client()
            .post("/api/uploads", json={"name": path.name, "size": size}, headers=headers)
        )
        assert answer.status_code == 201, answer.text
        upload: dict[str, Any] = answer.json  # type: ignore[assignment]
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda part: put(path, part), upload["parts"]))
        completed = (
            create_app("complete_upload").test_client().post(f"/api/uploads/{upload['id']}/complete", headers=headers)
        )
        assert completed.status_code == 202, completed.text
        result = report(pid, before, began, size)
    forget(f"sources/{upload['id']}")
    return result


def put(path: Path, part: dict[str, Any]) -> None:
    def blocks() -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(part["offset"])
            left = part["size"]
            while left:
                block = file.read(min(MIB, left))
                left -= len(block)
                yield block

    answer = httpx.put(part["url"], content=blocks(), headers={"Content-Length": str(part["size"])}, timeout=600)
    assert answer.status_code == 200, answer.text


def whole(path: Path, *, form: bool) -> dict[str, float]:
    port = free_port()
    environment = {"FUNCTION_TARGET": "upload_video", "PORT": str(port)}
    with process([sys.executable, "-m", "shared.runtime.serve"], port, environment) as pid:
        worker = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        before, began = peak(worker), time.perf_counter()
        size = path.stat().st_size
        url, headers = f"http://127.0.0.1:{port}/api/videos/upload", {"Authorization": f"Bearer {token()}"}
        with path.open("rb") as file:
            if form:
                answer = httpx.post(url, files={"file": (path.name, file)}, headers=headers, timeout=3600)
            else:
                headers["Content-Length"] = str(size)
                answer = httpx.post(f"{url}?name={path.name}", content=file, headers=headers, timeout=3600)
        assert answer.status_code == 202, answer.text
        result = report(worker, before, began, size)
    from shared.db import transaction

    with transaction() as tx:
        source_key = tx.value(str, "select source_key from video where id = %s", (answer.json()["id"],))
    assert source_key is not None
    forget(source_key)
    return result


def report(pid: int, before: float, began: float, size: int) -> dict[str, float]:
    seconds = time.perf_counter() - began
    return {
        "rss_mib_at_start": round(before, 1),
        "peak_rss_mib": round(peak(pid), 1),
        "seconds": round(seconds, 1),
        "mib_per_s": round(size / MIB / seconds, 1),
    }


def forget(key: str) -> None:
    """Frees the disk for the next run."""
    from shared.db import transaction
    from shared.storage import delete_object

    with transaction() as tx:
        delete_object(tx, key)


def token() -> str:
    from shared.identity import Role, issue_access_token

    return issue_access_token("01890000-0000-7000-8000-000000000001", Role.CREATOR)[0]


def peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    """A server, once it answers anything; its process id."""
    running = subprocess.Popen(command, cwd=ROOT, env=os.environ | (environment or {}), start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except httpx.TransportError:
                if running.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield running.pid
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


if __name__ == "__main__":
    main()
