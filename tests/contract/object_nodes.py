"""Real nodes for the contract tests: each implementation with the server that its signed URLs lead to."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
from aiohttp import web

from local.gateway.objects import add_object_routes
from shared.objects import ObjectStore
from shared.objects.directory import DirectoryStore
from shared.objects.s3.store import S3Store
from tests.buckets import buckets


@dataclass(frozen=True)
class ServedNode:
    store: ObjectStore
    url: str

    def at(self, signed: str) -> str:
        """Where a signed URL leads to; some are relative to the server's address."""
        return urljoin(self.url, signed)


@contextmanager
def serve_objects(*more: Callable[[web.Application], None]) -> Iterator[str]:
    """The gateway's object server, and `more` routes, on a port of their own, in a thread; the address."""
    loop = asyncio.new_event_loop()
    started: threading.Event = threading.Event()
    address: list[str] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        for add in (add_object_routes, *more):
            add(app)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address.append(site.name if not site.name.endswith(":0") else f"http://127.0.0.1:{runner.addresses[0][1]}")
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=run, name="objects")
    thread.start()
    started.wait()
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def directory_node(folder: Path) -> Iterator[ServedNode]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JWT_SECRET", "a secret for the contract tests of objects")
        patch.setenv("WADI_NODES", str(folder))
        store = DirectoryStore.create("node-1", folder)
        with serve_objects() as url:
            yield ServedNode(store, url)


@contextmanager
def bucket_node(folder: Path) -> Iterator[ServedNode]:
    with buckets("contract") as (name,):
        yield ServedNode(S3Store.create("node-1", f"s3://{name}"), "")


@contextmanager
def prefix_node(folder: Path) -> Iterator[ServedNode]:
    with buckets("contract") as (name,):
        S3Store.create("node-1", f"s3://{name}").put("files/1", [b"of another node"])
        yield ServedNode(S3Store.create("node-2", f"s3://{name}/some/prefix"), "")


IMPLEMENTATIONS = {"directory": directory_node, "bucket": bucket_node, "prefix": prefix_node}
