"""Real processes: `python -m shared.runtime.serve`, as the platform starts them."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from events import VideoFailed
from shared.db.pool import database_url
from tests.patience import until
from tests.runtime.served import FUNCTIONS, attributes, data

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    process: "subprocess.Popen[str]"
    port: int
    log: IO[str]

    def get(self, path: str) -> int:
        return self._answer(urllib.request.Request(self._url(path)))

    def deliver(self, event: VideoFailed, event_id: str) -> int:
        """The status; 0 when the process went away instead."""
        import json

        headers = {f"ce-{name}": value for name, value in attributes(event, event_id).items()}
        headers["Content-Type"] = "application/json"
        body = json.dumps(data(event)).encode()
        return self._answer(urllib.request.Request(self._url("/"), body, headers, method="POST"))

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
        except ConnectionRefusedError:
            return False
        return True

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 of the server and of its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _answer(self, request: urllib.request.Request) -> int:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (urllib.error.URLError, OSError):
            return 0


def environment(**settings: str) -> dict[str, str]:
    """Of a function of the platform; a setting that is empty counts as unset."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url(),
        "WADI_DATA": os.environ["WADI_DATA"],
        "JWT_SECRET": os.environ["JWT_SECRET"],
        "PORT": str(free_port()),
        **settings,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def serving(name: str, log: Path, **settings: str) -> Iterator[Served]:
    """A function for tests in a process of its own, until the block ends."""
    source = str(FUNCTIONS / f"{name}.py")
    env = environment(FUNCTION_TARGET=name, FUNCTION_SOURCE=source, **settings)
    with log.open("w+") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.runtime.serve"],
            cwd=ROOT,
            env=env,
            stderr=file,
            text=True,
            start_new_session=True,
        )
        served = Served(process, int(env["PORT"]), file)
        try:
            until(lambda: process.poll() is not None or served.get("/health") == 200, "the function answers")
            assert process.poll() is None, served.said()
            yield served
        finally:
            if process.poll() is None:
                served.kill()
