"""A function for the tests of local/: real processes that behave as each request asks, and write down what they got.

    FUNCTION_TARGET=fixed_500    answers so to every event
    FUNCTION_TARGET=dead         takes every event, unless there is a file dead-refuses
    FUNCTION_TARGET=brittle      ends at once when it is asked to stop
    FUNCTION_TARGET=<other>      does what the event's data says: {"sleep": 0.2, "until": "go", "status": 500,
                                 "crash": 9, "times": 2}: `until` a file of that name exists; only the first
                                 `times` go wrong

Every event is a line in $WADI_DATA/record.jsonl.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def target() -> str:
    return os.environ["FUNCTION_TARGET"]


def record(**line: object) -> int:
    """Writes a line; how often this event was begun here by now, in any process."""
    file = Path(os.environ["WADI_DATA"]) / "record.jsonl"
    with file.open("a+") as lines_of_all:
        fcntl.flock(lines_of_all, fcntl.LOCK_EX)  # several processes write here, and a line may be read half written
        lines_of_all.write(json.dumps({"target": target(), "pid": os.getpid(), **line}) + "\n")
        lines_of_all.flush()
        lines_of_all.seek(0)
        lines = [json.loads(text) for text in lines_of_all]
    mine = [one for one in lines if one["target"] == target() and one["at"] == "start"]
    return sum(one["id"] == line.get("id") for one in mine)


def wait_for(name: str) -> None:
    """Until the test has made this file."""
    while name and not (Path(os.environ["WADI_DATA"]) / name).exists():
        time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(at.query).items()}
        if at.path == "/ready":
            self.reply(200, b"ready")
        elif at.path.endswith("/stream"):
            self.stream(int(query["chunks"]), int(query["size"]), float(query.get("pause", "0")), "die" in query)
        else:
            time.sleep(float(query.get("sleep", "0")))
            wait_for(query.get("until", ""))
            if "child" in query:
                self.reply(200, self.seen(str(subprocess.Popen(["sleep", "600"]).pid).encode()))
                return
            if "crash" in query:
                os.kill(os.getpid(), signal.SIGKILL)
            self.reply(int(query.get("status", "200")), self.seen(b""))

    do_DELETE = do_HEAD = do_GET

    def do_POST(self) -> None:
        if "ce-id" in self.headers:
            self.event(self.body())
        else:
            size = sum(map(len, self.chunks()))
            time.sleep(float(parse_qs(urlsplit(self.path).query).get("sleep", ["0"])[0]))
            self.reply(200, self.seen(b"%d" % size))

    do_PUT = do_POST

    def event(self, body: bytes) -> None:
        began = time.time()
        key = self.headers["ce-id"]
        wish = json.loads(body) if body[:1] == b"{" and target() != "dead" else {}  # `dead` takes every letter
        headers = {name.lower(): value for name, value in self.headers.items()}
        attempt = record(at="start", id=key, headers=headers, data=body.decode(errors="replace"), time=began)
        time.sleep(wish.get("sleep", 0))
        wait_for(wish.get("until", ""))
        wrong = "times" not in wish or attempt <= wish["times"]
        if "crash" in wish and wrong:
            os.kill(os.getpid(), wish["crash"])
            time.sleep(5)
        refuses = target() == "dead" and (Path(os.environ["WADI_DATA"]) / "dead-refuses").exists()
        status = 500 if refuses or target() == "fixed_500" else wish.get("status", 204) if wrong else 204
        record(at="end", id=key, status=status, time=time.time(), took=time.time() - began)
        self.reply(status, b"" if status == 204 else b"it went wrong")

    def chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            chunk = self.rfile.read(min(left, 65536))
            left -= len(chunk)
            yield chunk

    def body(self) -> bytes:
        return b"".join(self.chunks())

    def seen(self, body: bytes) -> bytes:
        """What reached the function, for the test to look at."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {"method": self.command, "path": self.path, "headers": headers, "pid": os.getpid(), "target": target()}
        return json.dumps(seen | {"body": body.decode(errors="replace")}).encode()

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Function", target())
        self.send_header("Keep-Alive", "timeout=5")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def stream(self, count: int, size: int, pause: float, die: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            line = f"data: {number}\n\n".encode().ljust(size, b".")
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
            time.sleep(pause)
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
        self.wfile.write(b"0\r\n\r\n")


def main() -> None:
    if target() == "never_starts":
        sys.exit("the configuration is broken")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server.daemon_threads = False  # server_close waits for the work at hand
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1) if target() == "brittle" else stop.set())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    stop.wait()
    server.shutdown()
    server.server_close()
    record(at="stopped")


if __name__ == "__main__":
    main()
