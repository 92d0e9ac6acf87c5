"""One process of a function."""

import asyncio
import contextlib
import logging
import random
import signal
import socket
import time
from pathlib import Path

import aiohttp

from local.activator.launcher import LaunchError, Process
from local.activator.platform import Platform
from local.activator.processes import kill_session, stat
from local.manifests import Service

log = logging.getLogger("wadi.activator")

# Below the range that the kernel takes ports of outgoing connections from, so that none can get between our
# choosing a port and the function's listening on it.
PORTS = range(20000, 32000)
FIRST_LOOK, LAST_LOOK = 0.01, 0.1


class StartFailedError(Exception):
    """A process that ended or stayed silent instead of becoming ready; the message says why."""


class Instance:
    """Started, ready, busy with `in_flight` requests, stopping, gone."""

    def __init__(self, service: Service, platform: Platform, session: aiohttp.ClientSession) -> None:
        self.service = service
        self.platform = platform
        self.session = session
        self.port = free_port()
        self.state = "starting"
        self.in_flight = 0
        self.started_at = time.time()
        self.idle_since = time.monotonic()
        self.process: Process | None = None
        self._log_start = 0
        self._started = 0

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.platform.log_file(self.service.name)

    def has_room(self) -> bool:
        limit = self.service.concurrency
        return self.state == "ready" and (limit == 0 or self.in_flight < limit)

    async def start(self) -> None:
        """Starts the process and waits until it answers. Raises StartFailedError."""
        try:
            log_file = self.platform.home.rotate(self.service.name)
            self._log_start = log_file.stat().st_size if log_file.exists() else 0
            environment = self.platform.environment(self.service, self.port)
            self.process = await self.platform.launcher.spawn(self.service.name, environment, log_file)
        except (LaunchError, OSError) as error:
            raise StartFailedError(f"the process could not be started: {error}") from error
        found = stat(self.pid)
        self._started = found.started if found else 0
        self.platform.registry.add(self.pid, self.service.name)
        await self._wait_ready()
        self.state = "ready"
        self.idle_since = time.monotonic()

    async def _wait_ready(self) -> None:
        """Asks /ready until it says yes. A listening port is not enough: the function may not have been loaded."""
        deadline = time.monotonic() + self.platform.start_seconds
        pause, said = FIRST_LOOK, "no answer"
        while time.monotonic() < deadline:
            if self.process is None or self.process.returncode is not None:
                raise StartFailedError(self.why_it_ended())
            try:
                async with self.session.get(f"{self.url}/ready", timeout=aiohttp.ClientTimeout(total=5)) as answer:
                    if answer.status == 200:
                        return
                    said = " ".join((await answer.text())[:300].split()) or f"status {answer.status}"
                    pause = LAST_LOOK
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(pause)
        raise StartFailedError(f"not ready after {self.platform.start_seconds:g} s: {said}")

    async def wait_end(self) -> str:
        """Waits until the process ends, clears up after it, and tells why it ended."""
        if self.process is not None:
            await self.process.wait()
            self._kill_rest()
            self.platform.registry.remove(self.pid)
        if self.state != "stopping":
            self.state = "gone"
        return self.why_it_ended()

    async def stop(self, grace: float) -> None:
        """SIGTERM, so that it finishes what it has; SIGKILL to it and all that it started when that takes too long."""
        if self.state != "gone":
            self.state = "stopping"
        if self.process is None:
            return
        if grace > 0:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.process.wait()
        self._kill_rest()
        await self.process.wait()
        self.platform.registry.remove(self.pid)

    def _signal(self, which: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(which)

    def _kill_rest(self) -> None:
        if self._started:
            kill_session(self.pid, self._started)

    def why_it_ended(self) -> str:
        """The way the process ended and the last line that it wrote."""
        code = self.process.returncode if self.process else None
        if code is None:
            how = "it runs"
        elif code < 0:
            how = f"killed by {_signal_name(-code)}"
        else:
            how = f"exit code {code}"
        last = self._last_line()
        return f"{how}: {last}" if last else how

    def _last_line(self) -> str:
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(self._log_start, self.log_file.stat().st_size - 8192))
                lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
        except OSError:
            return ""
        return next((line for line in reversed(lines) if line), "")[:500]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def free_port() -> int:
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
