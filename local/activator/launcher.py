"""Starts functions' processes through the zygote, and the zygote itself when it is not there."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.layout import ROOT


class LaunchError(Exception):
    """The process could not be started."""


class Process:
    """A started process. The zygote is its parent and tells us when it ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        return self.returncode or 0

    def ended(self, status: int) -> None:
        if self.returncode is None:
            self.returncode = status
            self._ended.set()

    def send_signal(self, which: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, which)


class Launcher:
    def __init__(self, module: str, log: Path, environment: Mapping[str, str]) -> None:
        self.module = module
        self.log = log
        self.environment = environment
        self.pid = 0
        self._zygote: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Process]] = {}
        self._processes: dict[int, Process] = {}

    async def spawn(self, name: str, environment: Mapping[str, str], log: Path) -> Process:
        """Raises LaunchError."""
        writer = await self.start()
        number = next(self._numbers)
        answer: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        order = {"id": number, "name": name, "env": dict(environment), "log": str(log)}
        try:
            writer.write(json.dumps(order).encode() + b"\n")
            await writer.drain()
            return await asyncio.shield(answer)
        except ConnectionError as error:
            raise LaunchError("the zygote ended") from error
        finally:
            self._asked.pop(number, None)

    async def start(self) -> asyncio.StreamWriter:
        """The connection to the zygote; it is started when it does not run."""
        async with self._starting:
            if self._writer is None:
                try:
                    await self._start()
                except OSError as error:
                    raise LaunchError(f"the zygote could not be started: {error}") from error
            if self._writer is None:
                raise LaunchError(f"the zygote ended at once: see {self.log}")
            return self._writer

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with self.log.open("ab") as output:
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "local.activator.zygote", str(os.getpid()), str(theirs.fileno()), self.module],
                cwd=ROOT, env=dict(self.environment), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.pid = self._zygote.pid
        theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(reader, ready))
        await ready.wait()

    async def _read(self, reader: asyncio.StreamReader, ready: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            async for line in reader:
                self._hear(json.loads(line), ready)
        self._lost()
        ready.set()

    def _hear(self, message: dict[str, Any], ready: asyncio.Event) -> None:
        if "ready" in message:
            ready.set()
        elif "ended" in message:
            process = self._processes.pop(message["ended"], None)
            if process is not None:
                process.ended(message["status"])
        elif "pid" in message:
            process = Process(message["pid"])
            self._processes[process.pid] = process
            self._answer(message["id"]).set_result(process)
        else:
            self._answer(message["id"]).set_exception(LaunchError(message["error"]))

    def _answer(self, number: int) -> asyncio.Future[Process]:
        return self._asked.pop(number)

    def _lost(self) -> None:
        """The zygote ended, and the kernel killed its children with it."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self.pid = 0
        if self._zygote is not None:
            self._zygote.wait()
        for process in self._processes.values():
            process.ended(-signal.SIGKILL)
        self._processes.clear()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(LaunchError("the zygote ended"))
        self._asked.clear()

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._zygote is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._zygote.wait, 2)
            self._zygote.kill()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
