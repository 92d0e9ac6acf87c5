"""A real HTTP server in a Broker's place that misbehaves as it is told, and writes down what it took, in order."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import msgspec


class Got(NamedTuple):
    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def key(self) -> str:
        return self.headers["ce-partitionkey"]

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.body)


Headers = dict[str, str]
Answer = tuple[int, Headers]
# What becomes of a request: an answer, bytes (200 with them as its body), or the connection is killed, before the event
# was taken or after that.
Behave = Callable[[Got], Answer | bytes | str]

FINE: Answer = (202, {})


class Sink:
    """`behave` decides on each event; what is answered 2xx, or killed "after", counts as taken."""

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.context = context
        self.host = host
        self.behave: Behave = lambda got: FINE
        self.taken: list[Got] = []
        self.asked = 0
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.port = 0
        self._server: socketserver.ThreadingTCPServer | None = None
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/wadi/default"

    def texts(self, key: str) -> list[str]:
        return [got.data["text"] for got in self.taken if got.key == key]

    def start(self) -> None:
        """At the port that it had before, if it had one."""

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        self._server = Server((self.host, self.port), _handler(self))
        self.port = self._server.server_address[1]
        if self.context is not None:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        """As a process that is killed: its connections end with it."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self.hang_up()

    def hang_up(self) -> None:
        """Closes the connections that are open, as a server does with those that are idle."""
        with self.lock:
            for one in self._open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
            self._open.clear()

    def take(self, got: Got) -> None:
        with self.lock:
            self.taken.append(got)


@contextmanager
def running(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Sink]:
    sink = Sink(context, host)
    sink.start()
    try:
        yield sink
    finally:
        sink.die()


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with sink.lock:
                sink.connections += 1
                sink._open.add(self.connection)

        def do_OPTIONS(self) -> None:
            self._answer(200, {"Allow": "POST, OPTIONS"})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            got = Got({name.lower(): value for name, value in self.headers.items()}, self.rfile.read(length), self.path)
            if len(got.body) < length:  # it was hung up in the middle
                self.close_connection = True
                return
            with sink.lock:
                sink.asked += 1
                sink.at_once += 1
                sink.most_at_once = max(sink.most_at_once, sink.at_once)
            try:
                behaviour = sink.behave(got)
            finally:
                with sink.lock:
                    sink.at_once -= 1
            if behaviour == "before" or behaviour == "after":
                if behaviour == "after":
                    sink.take(got)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if isinstance(behaviour, bytes):
                sink.take(got)
                self._answer(200, {}, behaviour)
                return
            assert not isinstance(behaviour, str)
            status, headers = behaviour
            if 200 <= status < 300:
                sink.take(got)
            self._answer(status, headers)

        def _answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def finish(self) -> None:
            with sink.lock:
                sink._open.discard(self.connection)
            super().finish()

    return Handler
