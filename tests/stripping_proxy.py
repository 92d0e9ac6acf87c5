"""A proxy that has the platform under a path, as nginx with `location /video/ { proxy_pass http://wadi/; }`."""

import asyncio
import threading
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

PREFIX = "/video"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class StrippingProxy:
    """Whatever leads past the prefix is answered 404, and noted in `astray`. `tells`: in X-Forwarded-Prefix."""

    def __init__(self, target_port: int, *, tells: bool) -> None:
        self._told = {"X-Forwarded-Prefix": PREFIX} if tells else {}
        self._target = f"http://127.0.0.1:{target_port}"
        self.astray: list[str] = []
        self.passed: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._start())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def close(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=2**40)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if not request.raw_path.startswith(f"{PREFIX}/"):
            self.astray.append(request.raw_path)
            return web.Response(status=404, text="another site's")
        path = request.raw_path.removeprefix(PREFIX)
        self.passed.append(path.partition("?")[0])
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {"X-Forwarded-For": str(request.remote)} | self._told
        async with self._session.request(
            request.method,
            URL(self._target + path, encoded=True),
            headers=headers,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as upstream:
            answer = web.StreamResponse(status=upstream.status)
            answer.headers.extend((k, v) for k, v in upstream.headers.items() if k.lower() not in HOP_BY_HOP)
            await answer.prepare(request)
            async for chunk in upstream.content.iter_any():
                await answer.write(chunk)
            return answer
