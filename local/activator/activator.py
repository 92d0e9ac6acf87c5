"""Every function of the manifests, as processes that run only while there is work."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

from local.activator.platform import Platform
from local.activator.pool import Pool, UnavailableError
from local.manifests import Service
from local.sink import ERROR_DATA_BYTES, SinkResponse


class Activator:
    def __init__(self, services: Iterable[Service], platform: Platform) -> None:
        # A connection of its own for each request: a kept one that the function just closed would fail a POST that
        # must not be sent twice, and on loopback a new one costs next to nothing.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self.session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            max_line_size=65536,
            max_field_size=65536,
        )
        # aiohttp would send a GET again by itself when its process crashed, and hide the crash.
        self.session._retry_connection = False
        self.platform = platform
        self.pools = {service.name: Pool(service, platform, self.session) for service in services}

    async def start(self) -> None:
        await self.platform.launcher.start()
        for pool in self.pools.values():
            pool.start_minimum()

    def capacity(self, service: str) -> int:
        return self.pools[service].capacity

    def address(self, service: str) -> str:
        return self.pools[service].service.address

    async def deliver(self, service: str, headers: Mapping[str, str], body: bytes, timeout: float) -> SinkResponse:
        """POSTs an event to a function. Its wait in line counts against the timeout, as it does in a cluster."""
        pool = self.pools[service]
        try:
            async with (
                asyncio.timeout(min(timeout, pool.service.timeout)),
                pool.slot() as instance,
                self.session.post(f"{instance.url}/", headers=headers, data=body, allow_redirects=False) as answer,
            ):
                return SinkResponse(answer.status, await answer.content.read(ERROR_DATA_BYTES))
        except TimeoutError:
            return SinkResponse(0, b"no answer in time")
        except UnavailableError as error:
            return SinkResponse(503, f"the function is not available: {error}".encode())
        except (aiohttp.ClientError, OSError) as error:
            return SinkResponse(0, f"no answer: {error or type(error).__name__}".encode())

    async def stop(self, grace: float) -> None:
        await asyncio.gather(*(pool.stop(grace) for pool in self.pools.values()))
        await self.platform.launcher.stop()
        await self.session.close()

    def status(self) -> list[dict[str, Any]]:
        return [pool.status() for pool in self.pools.values()]
