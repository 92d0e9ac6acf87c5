"""A small HTTP server that speaks the upload protocol and can be told to break: connections cut in the middle of a
part, 503s, wrong checksums, expired URLs, a restart, no stream of states. Bytes really travel and are really kept."""

import asyncio
import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

PART = 300_000

# A fault looks at a PUT of a part; True: it has dealt with it, False: let it through.
Fault = Callable[["PartServer", web.Request, int], Awaitable[web.StreamResponse | None]]


class PartServer:
    def __init__(self, part_size: int) -> None:
        self.part_size = part_size
        self.uploads: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.owners: dict[str, str] = {}  # upload -> the token that it was begun with
        self.completed: set[str] = set()
        self.puts: Counter[int] = Counter()  # part -> times a PUT of it began
        self.aborted: list[str] = []
        self.deleted: set[str] = set()  # uploads whose video was deleted
        self.signature = "1"
        self.fault: Fault | None = None
        self.states: list[dict[str, Any]] = []  # of a video, one for each question; the last one stays
        self.is_silent = False  # the stream of states only says that it is there; else there is no such stream
        self.on_put: Callable[[int], None] = lambda number: None
        self.on_update: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner: web.AppRunner

    # Life

    def start(self) -> None:
        self._call(self._start())

    def close(self) -> None:
        self._call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def let_go(self) -> None:
        """Waits until the last connection has ended, and with it whatever a request was still doing."""
        self._call(self._let_go())

    async def _let_go(self) -> None:
        async with asyncio.timeout(20):
            while self._runner.server and self._runner.server.connections:
                await asyncio.sleep(0.01)

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**40)
        app.add_routes(
            [
                web.post("/api/uploads", self._init),
                web.get("/api/uploads/{id}", self._get),
                web.delete("/api/uploads/{id}", self._abort),
                web.post("/api/uploads/{id}/complete", self._complete),
                web.get("/api/videos/{id}", self._video),
                web.patch("/api/videos/{id}", self._update),
                web.get("/api/videos/{id}/status", self._status),
                web.get("/api/videos/{id}/status/stream", self._stream),
                web.put("/objects/{id}/{number}", self._put),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    # What arrived

    def content(self, upload_id: str) -> bytes:
        parts = self.parts[upload_id]
        return b"".join(parts[number] for number in sorted(parts))

    # The protocol

    async def _init(self, request: web.Request) -> web.Response:
        token = request.headers.get("authorization", "")
        if not token.startswith("Bearer good"):
            return problem(401, "not-authenticated")
        wanted = await request.json()
        upload_id = f"u{len(self.uploads) + 1}"
        self.uploads[upload_id] = wanted
        self.owners[upload_id] = token
        self.parts[upload_id] = {}
        return web.json_response(self._shown(upload_id), status=201)

    async def _get(self, request: web.Request) -> web.Response:
        upload_id = request.match_info["id"]
        if upload_id not in self.uploads or upload_id in self.completed:
            return problem(404, "not-found")
        return web.json_response(self._shown(upload_id))

    def _shown(self, upload_id: str) -> dict[str, Any]:
        size = self.uploads[upload_id]["size"]
        starts = range(0, size, self.part_size)
        received = self.parts[upload_id]
        parts = [
            {
                "number": number,
                "offset": start,
                "size": min(self.part_size, size - start),
                "url": f"/objects/{upload_id}/{number}?signature={self.signature}",
                "received": number in received,
                "sha256": hashlib.sha256(received[number]).hexdigest() if number in received else "",
            }
            for number, start in enumerate(starts, 1)
        ]
        return {"id": upload_id, "video_id": f"v-{upload_id}", "part_size": self.part_size, "parts": parts}

    async def _abort(self, request: web.Request) -> web.Response:
        self.aborted.append(request.match_info["id"])
        return web.Response(status=204)

    async def _complete(self, request: web.Request) -> web.Response:
        upload_id = request.match_info["id"]
        shown = self._shown(upload_id)
        missing = [part["number"] for part in shown["parts"] if not part["received"]]
        if missing:
            return problem(409, "upload-incomplete", missing=missing)
        self.completed.add(upload_id)
        return web.json_response({"id": f"v-{upload_id}", "title": "t", "state": "uploaded"}, status=202)

    async def _video(self, request: web.Request) -> web.Response:
        upload_id = request.match_info["id"].removeprefix("v-")
        state = "uploaded" if upload_id in self.completed else "uploading"
        return web.json_response({"id": f"v-{upload_id}", "title": "t", "state": state})

    async def _update(self, request: web.Request) -> web.Response:
        """A title that is empty is the file's name, as it is where an upload begins."""
        upload_id = request.match_info["id"].removeprefix("v-")
        if upload_id not in self.uploads or upload_id in self.deleted:
            return problem(404, "not-found")
        if request.headers.get("authorization") != self.owners[upload_id]:
            return problem(403, "forbidden")
        self.uploads[upload_id] |= await request.json()
        await self.on_update()
        return await self._video(request)

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self.states.pop(0) if len(self.states) > 1 else self.states[0])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.is_silent:
            return problem(404, "not-found")
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        while True:
            await answer.write(b": still here\n\n")
            await asyncio.sleep(0.1)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        upload_id, number = request.match_info["id"], int(request.match_info["number"])
        self.puts[number] += 1
        self.on_put(number)
        if self.fault and (answer := await self.fault(self, request, number)):
            return answer
        if request.query.get("signature") != self.signature:
            return problem(403, "invalid-signature")
        body = await request.read()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if request.headers["x-amz-checksum-sha256"] != checksum:
            return problem(400, "checksum-mismatch")
        self.parts[upload_id][number] = body
        return web.Response(status=200)


def problem(status: int, slug: str, **extra: Any) -> web.Response:
    body = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": f"detail of {slug}", **extra}
    return web.json_response(body, status=status, content_type="application/problem+json")
