"""A look at some bytes of a source, wherever it is, without opening it as a video."""

import os
from pathlib import Path

from shared.media.sandbox.ffmpeg import is_address


class Peek:
    def __init__(self, source: str) -> None:
        self._source = source
        self.size = self._remote_size() if is_address(source) else Path(source).stat().st_size

    def read(self, start: int, count: int) -> bytes:
        """At most so many bytes, fewer at the end."""
        if start >= self.size:
            return b""
        if is_address(self._source):
            return self._ask(start, min(start + count, self.size))[0]
        with open(self._source, "rb") as file:  # noqa: PTH123 - a string stays a string
            return os.pread(file.fileno(), count, start)

    def _remote_size(self) -> int:
        return int(self._ask(0, 1)[1].rpartition("/")[2])

    def _ask(self, start: int, end: int) -> tuple[bytes, str]:
        """A range, and what the server says of it."""
        import urllib.request  # only here: it costs 80 ms

        request = urllib.request.Request(self._source, headers={"Range": f"bytes={start}-{end - 1}"})  # noqa: S310, ours
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=60) as answer:
            return answer.read(), answer.headers.get("Content-Range", "")
