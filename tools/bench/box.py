"""A platform of its own for a benchmark, with all its processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from local import postgres
from local.layout import SERVE

ACCOUNT = {"email": "bench@example.org", "password": "correct horse battery"}


class Box(NamedTuple):
    url: str
    database_url: str
    token: str


@contextmanager
def box(data: Path, module: str = SERVE, **settings: str) -> Iterator[Box]:
    """Runs until the block ends; `module` serves the functions."""
    data.chmod(0o755)  # PostgreSQL runs as another user where we are root
    environment = {**os.environ, "WADI_DATA": str(data / "data"), "WADI_PORT": "0", "HOME": str(data), **settings}
    command = [sys.executable, "-m", "local", "up", "--module", module]
    runner = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        url = _url(data / "data", runner)
        answer = httpx.post(f"{url}/api/auth/register", json=ACCOUNT, timeout=60).raise_for_status()
        database = postgres.running(data / "data")
        assert database is not None
        yield Box(url, database.url, answer.json()["access_token"])
    finally:
        runner.terminate()
        runner.wait(60)


def until(true: Callable[[], object], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.1)


def _url(data: Path, runner: "subprocess.Popen[bytes]") -> str:
    state = data / "run" / "state.json"
    until(lambda: runner.poll() is not None or (state.exists() and json.loads(state.read_text())["pid"] == runner.pid))
    assert runner.poll() is None, "the platform did not start"
    return str(json.loads(state.read_text())["local_url"])
