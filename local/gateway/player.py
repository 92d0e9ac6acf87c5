"""The page that plays a video in a browser: GET /watch/<video id>, and its files under /player/.

The page may fetch from the gateway and from where the objects are, and from nowhere else. Buckets may be added while we
run, so where that is, is asked again now and then; while the database does not answer, it is what it was.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from local.gateway.files import file_answer

FILES = (Path(__file__).parents[2] / "player").resolve()
# What may be sent, and as what: nothing else in that directory, and nothing outside of it.
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}
ASKED_EVERY = 30.0  # seconds
HEADERS = {
    "Cache-Control": "no-cache",  # asked for again each time, and answered 304 while it is the same
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address may hold a token
    "X-Content-Type-Options": "nosniff",
}


log = logging.getLogger("wadi.player")


def add_player_routes(app: web.Application, origins: Callable[[], list[str]] = list) -> None:
    """`origins` tells where objects are fetched from, other than here; it may block, and fail."""
    app.router.add_get("/watch/{id}", _Page(origins).answer)
    app.router.add_get("/player/{path:.+}", _file)


class _Page:
    def __init__(self, origins: Callable[[], list[str]]) -> None:
        self._ask = origins
        self._asked_at = -ASKED_EVERY
        self._origins: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if time.monotonic() - self._asked_at >= ASKED_EVERY:
            self._asked_at = time.monotonic()
            try:
                self._origins = await asyncio.to_thread(self._ask)
            except Exception as error:
                log.warning("where the objects are cannot be asked: %s", error)
        response = await _answer(request, FILES / "index.html")
        response.headers["Content-Security-Policy"] = _policy(self._origins)
        return response


def _policy(origins: list[str]) -> str:
    here = " ".join(["'self'", *origins])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {here} blob:",
            f"media-src {here} blob:",  # blob: is how a page's own player hands media to the browser
            f"connect-src {here}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        ]
    )


async def _file(request: web.Request) -> web.StreamResponse:
    path = (FILES / request.match_info["path"]).resolve()
    if not path.is_relative_to(FILES) or path.suffix not in TYPES or not path.is_file():
        raise web.HTTPNotFound(text="There is no such file.")
    return await _answer(request, path)


async def _answer(request: web.Request, path: Path) -> web.StreamResponse:
    return await file_answer(request, path, {**HEADERS, "Content-Type": f"{TYPES[path.suffix]}; charset=utf-8"})
