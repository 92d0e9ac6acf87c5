"""Films as FFmpeg plays them: by HTTP from an address that has the functions and the objects, as the gateway has."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aiohttp import web

from shared.runtime.serve import create_app
from tests.contract.object_nodes import serve_objects
from tests.media.clips import generator
from tests.routes import ROUTES


@cache
def _app(capability: str) -> Any:
    return create_app(capability)


async def _answer(request: web.Request) -> web.Response:
    for capability in ROUTES.values():
        route = capability.route
        if route.method == request.method and route.match(request.path) is not None:
            client = _app(capability.name).test_client()
            said = await asyncio.to_thread(client.get, request.raw_path, headers=dict(request.headers))
            return web.Response(status=said.status_code, body=said.data, headers=dict(said.headers))
    raise web.HTTPNotFound


def _add_functions(app: web.Application) -> None:
    app.router.add_get("/api/{path:.*}", _answer)


@contextmanager
def serve() -> Iterator[str]:
    """The address."""
    with serve_objects(_add_functions) as url:
        yield url


def decoded(url: str, *options: str) -> dict[int, int]:
    """How many pictures or pieces of sound FFmpeg decodes from each of the streams that the options map."""
    lines = played(url, *options, "-f", "framemd5", "-").splitlines()
    counts: dict[int, int] = {}
    for line in lines:
        if not line.startswith("#"):
            stream = int(line.partition(",")[0])
            counts[stream] = counts.get(stream, 0) + 1
    return counts


def played(url: str, *options: str) -> str:
    """What FFmpeg writes. It must not complain of anything."""
    command = [generator(), "-nostdin", "-v", "error", "-i", url, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    return done.stdout


def streams(url: str) -> list[tuple[str, str]]:
    """The kind and the language of each stream that FFmpeg sees at an address."""
    command = [generator(), "-nostdin", "-hide_banner", "-i", url]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120).stderr
    found = re.findall(r"Stream #(\d+:\d+)(?:\[\w+\])?(?:\((\w+)\))?: (\w+):", said)
    return [(kind, "" if language == "und" else language) for _, language, kind in dict.fromkeys(found)]
