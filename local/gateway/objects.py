"""The object server of the single box: signed URLs on directories.

Signed GETs are answered by sendfile, with ranges; signed PUTs of upload parts go to disk as they arrive, so memory does
not grow with the file. It needs no database: playback goes on while PostgreSQL restarts.
"""

import asyncio
import base64
import binascii
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import ClientError, web

from local.gateway.files import file_answer
from shared.config import ConfigError
from shared.errors import Problem
from shared.objects import (
    ChecksumMismatch,
    InvalidKey,
    NodeFull,
    NodeUnavailable,
    ObjectError,
    PartBusy,
    PartInfo,
    PartSizeWrong,
    UploadGone,
    signing,
)
from shared.objects.base import CHUNK, content_type
from shared.objects.directory import DirectoryStore
from shared.objects.part_files import PartWriter
from shared.storage.nodes.location import local_stores

IDLE_SECONDS = 60  # a body that stops arriving for so long is given up

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Last-Modified, x-amz-checksum-sha256"
    ),
}
PREFLIGHT = CORS | {"Access-Control-Allow-Methods": "GET, HEAD, PUT", "Access-Control-Max-Age": "86400"}

log = logging.getLogger("wadi.objects")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_object_routes(app: web.Application) -> None:
    """Serves /objects/<node>/<key> in this application."""
    server = ObjectServer()
    resource = app.router.add_resource("/objects/{node}/{key:.+}")
    resource.add_route("GET", _answered(server.read))
    resource.add_route("HEAD", _answered(server.read))
    resource.add_route("PUT", _answered(server.receive))
    resource.add_route("OPTIONS", _preflight)


class ObjectServer:
    def __init__(self) -> None:
        self._stores: dict[str, DirectoryStore] = {}
        self._transfers: dict[tuple[str, str, int], _Transfer] = {}

    async def read(self, request: web.Request) -> web.StreamResponse:
        node, key = _verified(request)
        size = int(request.query["size"]) if "size" in request.query else None
        path = await asyncio.to_thread(self._find, node, key, size)
        left = max(0, int(request.query["expires"]) - int(time.time()))
        headers = {
            "Content-Type": content_type(key),
            "Cache-Control": f"private, max-age={left}, immutable",
            "X-Content-Type-Options": "nosniff",
        }
        return await file_answer(request, path, headers)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        node, key = _verified(request)
        upload, part = request.query["upload"], int(request.query["part"])
        expected = _checksum(request)
        if request.content_length is None:
            raise Problem("length-required", "Send the length of the part in Content-Length.")
        store = (await asyncio.to_thread(self._nodes, node)).get(node)
        if store is None:
            raise NodeUnavailable(f"there is no node {node}")
        transfer = _Transfer(request)
        part_id = (node, upload, part)
        previous = self._transfers.get(part_id)
        self._transfers[part_id] = transfer
        try:
            if previous is not None:  # a client that lost its connection tries again: the newest one wins
                await previous.give_up()
            info = await transfer.run(await asyncio.to_thread(store.multipart.part_writer, key, upload, part), expected)
        finally:
            transfer.ended.set()
            if self._transfers.get(part_id) is transfer:
                del self._transfers[part_id]
        checksum = base64.b64encode(bytes.fromhex(info.sha256)).decode()
        return web.Response(headers={"ETag": f'"{info.sha256}"', "x-amz-checksum-sha256": checksum})

    def _find(self, node: str, key: str, size: int | None) -> Path:
        """The object's file: on the node that was asked for, else on any other that has it whole."""
        stores = self._nodes(node)
        for store in sorted(stores.values(), key=lambda store: store.id != node):
            try:
                path, found = store.local_path(key), store.size(key)
            except NodeUnavailable as error:
                log.warning("%s", error)
                continue
            if path is None or found is None or (size is not None and found != size):
                if store.id == node:
                    log.warning("%s has not the whole of %s: trying other nodes", node, key)
                continue
            return path
        raise Problem("not-found", "There is no such object.")

    def _nodes(self, wanted: str) -> dict[str, DirectoryStore]:
        """The nodes; read again when one is asked for that was not there (nodes may be made after the start)."""
        if wanted not in self._stores:
            self._stores = local_stores()
        return self._stores


class _Transfer:
    """A part on its way in."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.ended = asyncio.Event()

    async def give_up(self) -> None:
        """Ends it, and waits until it no longer writes."""
        self._request.content.set_exception(_Superseded())
        await self.ended.wait()

    async def run(self, writer: PartWriter, expected: bytes | None) -> PartInfo:
        try:
            if self._request.content_length != writer.length:
                raise PartSizeWrong(
                    f"Part {writer.number} has {writer.length} bytes; {self._request.content_length} were announced."
                )
            while data := await self._next():
                await asyncio.to_thread(writer.write, data)
            return await asyncio.to_thread(writer.finish, expected)
        finally:
            await asyncio.shield(asyncio.to_thread(writer.close))

    async def _next(self) -> bytearray:
        """About CHUNK bytes: what arrives is small, and each write is a hop to a thread."""
        data = bytearray()
        while len(data) < CHUNK:
            async with asyncio.timeout(IDLE_SECONDS):
                some = await self._request.content.readany()
            if not some:
                break
            data += some
        return data


class _Superseded(Exception):
    pass


def _verified(request: web.Request) -> tuple[str, str]:
    """The node and the key that this request may use. Raises Problem."""
    node, key = request.match_info["node"], request.match_info["key"]
    signing.verify(request.method, f"/objects/{node}/{key}", request.query)
    return node, key


def _checksum(request: web.Request) -> bytes | None:
    text = request.headers.get("x-amz-checksum-sha256")
    if text is None:
        return None
    try:
        checksum = base64.b64decode(text, validate=True)
    except binascii.Error:
        checksum = b""
    if len(checksum) != 32:
        raise Problem("invalid-request", "x-amz-checksum-sha256 is not the base64 of a SHA-256.")
    return checksum


def _answered(handler: Handler) -> Handler:
    """Adds CORS headers, and answers what goes wrong as problem+json."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Problem as problem:
            response = _problem(problem)
        except ObjectError as error:
            response = _problem(_as_problem(error))
        except ConfigError as error:
            log.error("%s", error)
            response = _problem(Problem("unavailable", str(error)))
        except TimeoutError:
            response = _problem(
                Problem(
                    "invalid-request", f"The body stopped arriving for {IDLE_SECONDS} seconds. Send the part again."
                )
            )
        except _Superseded:
            response = _problem(Problem("in-progress", "A newer connection sends this part."))
        except (ClientError, ConnectionError):
            response = _problem(Problem("invalid-request", "The connection broke. Send the part again."))
        response.headers.update(CORS)
        return response

    return answered


async def _preflight(request: web.Request) -> web.StreamResponse:
    """Any header may be sent. Each is named, since "*" does not stand for Authorization, which players of private
    videos send to every URL of a manifest."""
    asked = request.headers.get("Access-Control-Request-Headers", "*")
    return web.Response(status=204, headers=PREFLIGHT | {"Access-Control-Allow-Headers": asked})


def _as_problem(error: ObjectError) -> Problem:
    match error:
        case ChecksumMismatch():
            return Problem("checksum-mismatch", f"The bytes are not those of x-amz-checksum-sha256: {error}.")
        case PartSizeWrong():
            return Problem("invalid-request", str(error))
        case UploadGone():
            return Problem("gone", f"This part is not expected: {error}.")
        case PartBusy():
            return Problem("in-progress", f"Try again in a moment: {error}.", headers={"Retry-After": "1"})
        case InvalidKey():
            return Problem("invalid-request", f"The key is not valid: {error}.")
    log.error("%s", error)
    if isinstance(error, NodeFull):
        return Problem(
            "storage-full", "The disk is full, so this part was not stored. Send it again when there is room."
        )
    detail = "The storage node is unavailable. Try again later."
    return Problem("unavailable", detail, headers={"Retry-After": "5"})


def _problem(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        body=json.dumps(problem.body()).encode(),
        content_type="application/problem+json",
        headers=problem.headers,
    )
