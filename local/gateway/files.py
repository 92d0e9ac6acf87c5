"""A file as an answer, whole or the part of it that Range asks for."""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from shared.errors import Problem
from shared.objects.base import CHUNK
from shared.runtime.ranges import wanted_range


async def file_answer(request: web.BaseRequest, path: Path, headers: Mapping[str, str]) -> web.StreamResponse:
    """Sent by sendfile. Raises Problem not-found, range-not-satisfiable."""
    try:
        found = await asyncio.to_thread(path.stat)
    except FileNotFoundError:
        raise Problem("not-found", "There is no such file.") from None
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"  # as aiohttp writes it
    modified = datetime.fromtimestamp(math.ceil(found.st_mtime), UTC)  # and as it rounds Last-Modified
    return _Part(path, wanted_range(request.headers, found.st_size, etag, modified), headers)


class _Part(web.FileResponse):
    """Does not leave the Range header to aiohttp: that answers 416 to several ranges, and does not know an ETag in
    If-Range."""

    def __init__(self, path: Path, part: tuple[int, int] | None, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers, chunk_size=CHUNK)
        self._part = part

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = CIMultiDict(request.headers)
        headers.popall("Range", None)
        headers.popall("If-Range", None)
        if self._part:
            start, end = self._part
            headers["Range"] = f"bytes={start}-{end - 1}"
        return await super().prepare(request.clone(headers=headers))
