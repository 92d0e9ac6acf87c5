"""An HTTP server on loopback through which ffmpeg reads one object, from whichever replica gives it."""

import re
import secrets
import threading
from collections.abc import Generator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.objects import NodeUnavailable, ObjectError, ObjectStore

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Relay:
    """A server for one object; its address cannot be guessed. `trouble` is why a range could not be read to its end."""

    def __init__(self, key: str, stores: list[ObjectStore], size: int) -> None:
        self._key, self._stores, self.size = key, stores, size
        self.trouble: ObjectError | None = None
        self.path = f"/{secrets.token_urlsafe(24)}"
        relay = self

        class Handler(_Handler):
            def relay(self) -> Relay:
                return relay

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.path}"

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="source").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def read(self, start: int, end: int) -> Generator[bytes, None, None]:
        """The bytes, from one replica after the other. Raises ObjectError, which is then `trouble`."""
        last: ObjectError = NodeUnavailable(f"{self._key} has no replica")
        for store in list(self._stores):
            try:
                for data in store.open(self._key, start, end):
                    start += len(data)
                    yield data
            except ObjectError as error:
                last = error
                with suppress(ValueError):  # another range was faster to find out
                    self._stores.remove(store)
                    self._stores.append(store)
                continue
            if start >= end:
                return
            last = NodeUnavailable(f"the replica of {self._key} on {store.id} is cut short")
        self.trouble = last
        raise last


class _Handler(BaseHTTPRequestHandler):
    """One connection of ffmpeg, which leaves it when it wants to go on elsewhere."""

    protocol_version = "HTTP/1.1"

    def relay(self) -> Relay:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.close_connection = True
        relay = self.relay()
        wanted = _RANGE.fullmatch(self.headers.get("Range", "bytes=0-"))
        if self.path != relay.path or wanted is None:
            self.send_error(404)
            return
        start = int(wanted[1])
        end = min(int(wanted[2]) + 1, relay.size) if wanted[2] else relay.size
        if start >= relay.size:
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{relay.size}")
        self.send_header("Connection", "close")
        self.end_headers()
        pieces = relay.read(start, end)
        with suppress(ObjectError, ConnectionError):
            for data in pieces:
                self.wfile.write(data)
        pieces.close()  # and with it the connection to the store

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
