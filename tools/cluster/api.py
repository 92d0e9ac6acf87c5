"""The API server from a program that goes on watching: what kubectl, a process for each question, is too heavy for."""

import asyncio
import base64
import json
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml

log = logging.getLogger("wadi.cluster")

Object = dict[str, Any]

LONGEST_LINE = 8 * 2**20  # an object in one line of a watch
AGAIN_SECONDS = 1.0


class ApiError(Exception):
    """The API server said no, or nothing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """To be used as a context manager, in the event loop that it was entered in."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self.server = str(config["clusters"][0]["cluster"]["server"])
        self._tls = _context(config["clusters"][0]["cluster"], config["users"][0]["user"])

    async def __aenter__(self) -> "Api":
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=LONGEST_LINE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def get(self, path: str, **query: str) -> Object:
        return await self._ask("GET", path, query=query)

    async def merge(self, path: str, patch: Mapping[str, Any]) -> Object:
        return await self._ask("PATCH", path, {"Content-Type": "application/merge-patch+json"}, patch)

    async def watch(self, path: str) -> AsyncIterator[dict[str, Object]]:
        """All objects by their uid, and all of them again whenever one has changed. For ever."""
        while True:
            try:
                listed = await self.get(path)
                known = {one["metadata"]["uid"]: one for one in listed["items"]}
                yield dict(known)
                async for kind, found in self._changes(path, listed["metadata"]["resourceVersion"]):
                    if kind == "DELETED":
                        known.pop(found["metadata"]["uid"], None)
                    else:
                        known[found["metadata"]["uid"]] = found
                    yield dict(known)
            except (ApiError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.info("%s: %s, asked anew", path, error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _changes(self, path: str, since: str) -> AsyncIterator[tuple[str, Object]]:
        query = {"watch": "1", "resourceVersion": since, "timeoutSeconds": "300"}
        async with self.session.get(self.server + path, params=query) as answer:
            await _good(answer)
            async for line in answer.content:
                change = json.loads(line)
                if change["type"] == "ERROR":  # too long ago
                    return
                yield change["type"], change["object"]

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        limit = aiohttp.ClientTimeout(total=30)
        try:
            async with self.session.request(
                method, self.server + path, headers=headers, params=query, timeout=limit,
                data=None if body is None else json.dumps(body),
            ) as answer:  # fmt: skip
                await _good(answer)
                return dict(await answer.json())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, str(error) or type(error).__name__) from error


async def _good(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        try:
            said = json.loads(await answer.text())["message"]
        except (ValueError, KeyError, TypeError):
            said = f"{answer.status} {answer.reason}"
        raise ApiError(answer.status, said)


def _context(cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext:
    """As certificates.py writes them: all inline. OpenSSL reads a client's certificate from files only."""
    context = ssl.create_default_context(cadata=_text(cluster["certificate-authority-data"]))
    with tempfile.TemporaryDirectory() as folder:  # 0700, and gone at once
        certificate, key = Path(folder) / "crt", Path(folder) / "key"
        certificate.write_text(_text(user["client-certificate-data"]))
        key.write_text(_text(user["client-key-data"]))
        context.load_cert_chain(certificate, key)
    return context


def _text(inline: str) -> str:
    return base64.b64decode(inline).decode()
