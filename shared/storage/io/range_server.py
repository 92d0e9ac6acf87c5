"""An HTTP server on loopback through which ffmpeg reads one object, from whichever replica can be read."""

import re
import secrets
import threading
from collections.abc import Generator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.objects import NodeUnavailable, ObjectError, ObjectStore
from shared.storage.model import ObjectRef

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class RangeServer:
    """Serves one object under a URL that cannot be guessed. `error` is why a range could not be read to its end."""

    def __init__(self, ref: ObjectRef, stores: list[ObjectStore]) -> None:
        self._key, self._stores, self.size = ref.key, stores, ref.size
        self.error: ObjectError | None = None
        self.path = f"/{secrets.token_urlsafe(24)}"
        owner = self

        class Handler(_Handler):
            def owner(self) -> RangeServer:
                return owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.path}"

    def __enter__(self) -> "RangeServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="source").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def read(self, start: int, end: int) -> Generator[bytes, None, None]:
        """The bytes from `start` up to, not including, `end`; where one replica fails, the next one goes on.

        Raises ObjectError when none is left; it is then also in `error`.
        """
        last: ObjectError = NodeUnavailable(f"{self._key} has no replica")
        for store in list(self._stores):
            try:
                for data in store.open(self._key, start, end):
                    start += len(data)
                    yield data
            except ObjectError as error:
                last = error
                with suppress(ValueError):  # the thread of another range has moved it already
                    self._stores.remove(store)
                    self._stores.append(store)
                continue
            if start >= end:
                return
            last = NodeUnavailable(f"the replica of {self._key} on {store.id} is cut short")
        self.error = last
        raise last


class _Handler(BaseHTTPRequestHandler):
    """One connection of ffmpeg, which closes it when it wants to read elsewhere."""

    protocol_version = "HTTP/1.1"

    def owner(self) -> RangeServer:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.close_connection = True
        served = self.owner()
        wanted = _RANGE.fullmatch(self.headers.get("Range", "bytes=0-"))
        if self.path != served.path or wanted is None:
            self.send_error(404)
            return
        start = int(wanted[1])
        end = min(int(wanted[2]) + 1, served.size) if wanted[2] else served.size
        if start >= served.size:
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{served.size}")
        self.send_header("Connection", "close")
        self.end_headers()
        chunks = served.read(start, end)
        with suppress(ObjectError, ConnectionError):
            for data in chunks:
                self.wfile.write(data)
        chunks.close()  # and with it the connection to the store

    def log_message(self, format: str, *args: object) -> None:
        """No log: there would be a line for each range."""
