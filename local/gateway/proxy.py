"""One request through to a function and its answer back, both as streams: a chunk is passed on as soon as it comes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from local.activator.instance import Instance
from local.activator.pool import Pool, UnavailableError
from local.manifests.routes import HeaderChange
from shared.errors import Problem

log = logging.getLogger("wadi.gateway")

# RFC 9110, 7.6.1: these are about one connection and are not passed on. Expect was answered here.
HOP_BY_HOP = {
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
OURS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")  # aiohttp would add them; the client's stand
CONNECT_TRIES = 3


def end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers without those that are about one connection, among them what Connection names."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named)


def apply(change: HeaderChange, headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """A route's changes to the headers: these go, those come."""
    for name in change.remove:
        headers.popall(name, None)
    headers.update(change.set)
    headers.extend(change.add)
    return headers


class Exchange:
    """A request on its way. `body_limit` is the size of the largest body to let through; None: any."""

    def __init__(
        self,
        request: web.Request,
        pool: Pool,
        answer: web.StreamResponse,
        *,
        timeout: float | None,
        body_limit: int | None,
        change: HeaderChange,
    ) -> None:
        self.request = request
        self.pool = pool
        self.answer = answer
        self.timeout = timeout
        self.body_limit = body_limit
        self.change = change
        self._limit = asyncio.timeout(None)
        self._refused: Problem | None = None

    async def run(self, path: str, headers: CIMultiDict[str]) -> web.StreamResponse:
        """Raises Problem as long as nothing of an answer was sent; after that an error breaks the connection."""
        problem: Problem
        try:
            async with self._limit, asyncio.timeout(self.pool.service.timeout):
                return await self._try_processes(path, headers)
        except TimeoutError:
            problem = Problem("gateway-timeout", f"{self.pool.service.name} did not answer in time.")
        except UnavailableError as error:
            log.warning("%s is not available: %s", self.pool.service.name, error)
            problem = Problem(
                "unavailable",
                f"{self.pool.service.name} does not start; its log says why.",
                headers={"Retry-After": "2"},
            )
        except (aiohttp.ClientError, ConnectionError) as error:
            log.warning("%s: %s", self.pool.service.name, error or type(error).__name__)
            problem = self._refused or Problem("bad-gateway", f"{self.pool.service.name} ended without an answer.")
        if self.answer.prepared:
            return self._broken_off()
        raise problem

    async def _try_processes(self, path: str, headers: CIMultiDict[str]) -> web.StreamResponse:
        """A process may end between being chosen and being called; nothing was sent then, so another is tried."""
        for remaining in reversed(range(CONNECT_TRIES)):
            async with self.pool.slot() as instance:
                if self.request.transport is None:
                    return self.answer  # the client went away while it waited in line: nobody is served by the work
                try:
                    return await self._through(instance, path, headers)
                except aiohttp.ClientConnectorError:
                    if not remaining:
                        raise
            await asyncio.sleep(0.05)
        raise AssertionError("unreachable")

    async def _through(self, instance: Instance, path: str, headers: CIMultiDict[str]) -> web.StreamResponse:
        url = URL(instance.url + path, encoded=True)
        body = self._body() if self.request.can_read_body else None
        if body is None:
            self._count_from_now()
        async with self.pool.session.request(
            self.request.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=OURS
        ) as upstream:
            self._count_from_now()
            self.answer.set_status(upstream.status, upstream.reason)
            self.answer.headers.extend(apply(self.change, end_to_end(upstream.headers)))
            await self.answer.prepare(self.request)
            async for chunk in upstream.content.iter_any():
                await self.answer.write(chunk)
            await self.answer.write_eof()
            return self.answer

    async def _body(self) -> AsyncIterator[bytes]:
        sent = 0
        async for chunk in self.request.content.iter_any():
            sent += len(chunk)
            if self.body_limit is not None and sent > self.body_limit:
                self._refused = Problem("too-large", f"The body is larger than {self.body_limit} bytes.")
                raise self._refused
            yield chunk
        self._count_from_now()

    def _count_from_now(self) -> None:
        """A route's timeout counts from the end of the request, as Envoy's does: a long upload is not its concern."""
        if self.timeout is not None and self._limit.when() is None:
            self._limit.reschedule(asyncio.get_running_loop().time() + self.timeout)

    def _broken_off(self) -> web.StreamResponse:
        """Cuts the connection: otherwise the end of what was sent would look like the end of the answer."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return self.answer
