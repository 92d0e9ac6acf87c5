"""What stands behind the gateway in the tests of Istio: Knative's local gateway and every function, in one server.

It answers each request with what has arrived, and the keys of tokens as the function jwks does.
"""

import ctypes
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from threading import Thread
from typing import Any

from shared import identity
from tools.cluster.network import Network

KEYS = ("jwks.wadi.svc.cluster.local", "/.well-known/jwks.json")
CLONE_NEWNET = 0x40000000
# A request that says so is answered with this status; "break" ends its connection, "garbage" is no HTTP.
FAILS = "x-test-status"


class Functions(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.seen: list[str] = []  # of each request, its x-test-id

    def server_bind(self) -> None:
        """Without a search for the address's name, which takes seconds where there is no DNS."""
        TCPServer.server_bind(self)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def times(self, name: str) -> int:
        return self.seen.count(name)


@contextmanager
def functions(host: str) -> Iterator[Functions]:
    with _served(Functions(host, 0)) as server:
        yield server


@contextmanager
def pod(network: Network, port: int) -> Iterator[Functions]:
    """The same on a port inside of the cluster's network, where a pod would have it."""
    made: list[Functions] = []

    def make() -> None:  # a thread that enters a network stays in it, and so does the socket that it makes
        namespace = os.open(Path("/proc") / str(network.holder.pid) / "ns" / "net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) == 0:
                made.append(Functions(network.inside, port))
        finally:
            os.close(namespace)

    thread = Thread(target=make)
    thread.start()
    thread.join()
    with _served(made[0]) as server:
        yield server


@contextmanager
def _served(server: Functions) -> Iterator[Functions]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer, or each would wait 40 ms for the acknowledgement of its head
    server: Functions

    def _answer(self) -> None:
        self.server.seen.append(self.headers.get("x-test-id", ""))  # before its body, which may still be on its way
        size = self._read()
        wanted = self.headers.get(FAILS, "200")
        if wanted in ("break", "garbage"):
            self.close_connection = True
            if wanted == "garbage":
                self.wfile.write(b"nonsense\r\n\r\n")
                self.wfile.flush()
            self.connection.close()
            return
        body: dict[str, Any] = {
            "authority": self.headers["Host"],
            "method": self.command,
            "target": self.path,
            "headers": {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers},
            "size": size,
        }
        if (self.headers["Host"], self.path.partition("?")[0]) == KEYS:
            body = identity.jwks()
        data = json.dumps(body).encode()
        self.send_response(int(wanted))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name in ("Content-Security-Policy", "Referrer-Policy"):  # as a page would bring its own
            if value := self.headers.get(f"x-test-{name}"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _read(self) -> int:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            size = 0
            while chunk := int(self.rfile.readline().split(b";")[0], 16):
                size += len(self.rfile.read(chunk))
                self.rfile.readline()
            self.rfile.readline()
            return size
        return len(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests say what they see."""
