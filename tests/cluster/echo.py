"""A server that says what came to it, in the place of pods: on an address that the API server takes for one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tools.cluster.crds import Document


class Echo(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, name: str) -> None:
        super().__init__((host, 0), _Handler)
        self.name = name
        self.seen: list[dict[str, Any]] = []
        self.answers: list[tuple[int, str]] = []  # the next ones; when there are no more: 200
        self.may_go_on = threading.Event()
        self.first_piece = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Echo

    def handle_method(self) -> None:
        with suppress(BrokenPipeError):  # who asked did not wait
            self._answer()

    def _answer(self) -> None:
        probe = {"K-Network-Hash": self.headers["K-Network-Hash"]} if "K-Network-Probe" in self.headers else {}
        if self.path == "/pieces":
            self._pieces()
            return
        body = self._body()
        if self.path == "/late":
            self.server.may_go_on.wait(60)
        found = {
            "name": self.server.name, "method": self.command, "path": self.path,
            "headers": dict(self.headers.items()), "size": len(body), "body": body[:2000].decode(errors="replace"),
        }  # fmt: skip
        self.server.seen.append(found | {"headers": httpx.Headers(list(self.headers.items()))})
        status, said = self.server.answers.pop(0) if self.server.answers else (200, json.dumps(found))
        self.send_response(status)
        for name, value in probe.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = handle_method

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            length = int(self.headers.get("Content-Length", 0))
            return self.rfile.read(length)
        parts = []
        while length := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(length))
            self.server.first_piece.set()
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _pieces(self) -> None:
        """The second piece comes when the test has seen the first."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.server.may_go_on.wait(60)
        self.wfile.write(b"data: second\n\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def echo(host: str, name: str) -> Iterator[Echo]:
    server = Echo(host, name)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.may_go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def service(namespace: str, name: str, host: str, *ports: int, port_name: str = "http") -> list[Document]:
    """A Service whose pods are those ports of the host."""
    about = {"name": name, "namespace": namespace}
    subsets = [{"addresses": [{"ip": host}], "ports": [{"name": port_name, "port": port}]} for port in ports]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": about,
            "spec": {"ports": [{"name": port_name, "port": 80}]},
        },
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": about, "subsets": subsets},
    ]
