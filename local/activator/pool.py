"""The processes of one function: none while nothing happens, one more when all are full, none again after a while.

What Knative's activator, queue-proxy and autoscaler do between them: requests wait in a line until a process has
room, and a process never gets more than containerConcurrency at once.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from local.activator.instance import Instance, StartFailedError
from local.activator.platform import Platform
from local.manifests import Service

log = logging.getLogger("wadi.activator")

FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
HEALTHY_SECONDS = 10.0  # a process that lived for so long did not crash because of how it starts


class UnavailableError(Exception):
    """No process can take the request: it does not start, or the runner is stopping."""


class Pool:
    def __init__(self, service: Service, platform: Platform, session: aiohttp.ClientSession) -> None:
        self.service = service
        self.platform = platform
        self.session = session
        self.limit = platform.limit(service)
        self.instances: list[Instance] = []
        self.starts = 0
        self.crashes = 0
        self.last_crash = ""
        self._waiters: deque[asyncio.Future[Instance]] = deque()
        self._failures = 0  # in a row
        self._not_before = 0.0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def capacity(self) -> int:
        """Requests that all processes together can handle at once."""
        return (self.service.concurrency or 100) * self.limit

    @property
    def waiting(self) -> int:
        return sum(not waiter.done() for waiter in self._waiters)

    def start_minimum(self) -> None:
        """Starts what min-scale asks for."""
        for _ in range(self.service.min_scale - len(self._living())):
            self._start_one()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Instance]:
        """A process with room for one more request; waits for it in line. Raises UnavailableError."""
        instance = await self._acquire()
        try:
            yield instance
        finally:
            instance.in_flight -= 1
            instance.idle_since = time.monotonic()
            self._serve_waiters()

    async def _acquire(self) -> Instance:
        waiter: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._serve_waiters()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                waiter.result().in_flight -= 1  # given to us in the very moment that we gave up
                self._serve_waiters()
            raise

    def _serve_waiters(self) -> None:
        """Gives free room to those who wait, first come first served, and starts a process for those left over."""
        while self._waiters:
            if self._waiters[0].done():  # gave up
                self._waiters.popleft()
                continue
            instance = self._roomiest()
            if instance is None:
                break
            instance.in_flight += 1
            self._waiters.popleft().set_result(instance)
        if self._waiters:
            self._grow()

    def _roomiest(self) -> Instance | None:
        """The fullest process that still has room, so that the others can become idle and stop."""
        return max((one for one in self.instances if one.has_room()), key=lambda one: one.in_flight, default=None)

    def _grow(self) -> None:
        if self._closing:
            self._refuse("the platform is stopping")
            return
        pause = self._not_before - time.monotonic()
        if pause > 0:
            if not self._living():
                self._refuse(f"{self.last_crash} (next start in {pause:.1f} s)")
            return
        starting = [one for one in self.instances if one.state == "starting"]
        coming = len(starting) * (self.service.concurrency or len(self._waiters))
        if self.waiting > coming and len(self._living()) < self.limit:
            self._start_one()

    def _living(self) -> list[Instance]:
        return [one for one in self.instances if one.state in ("starting", "ready")]

    def _start_one(self) -> None:
        instance = Instance(self.service, self.platform, self.session)
        self.instances.append(instance)
        self.starts += 1
        task = asyncio.create_task(self._live(instance))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, instance: Instance) -> None:
        """The life of one process, from its start to its end."""
        began = time.monotonic()
        try:
            await instance.start()
            log.info("%s: process %s ready in %.0f ms", self.service.name, instance.pid, _ms(began))
            self._serve_waiters()
            why = await self._watch(instance)
        except (StartFailedError, OSError) as error:  # an OSError is a full disk, most likely
            asked_to_stop, ready = instance.state == "stopping", False
            why = str(error)
            await instance.stop(grace=0)
        else:
            asked_to_stop, ready = instance.state == "stopping", True
            if time.monotonic() - began > HEALTHY_SECONDS:
                self._failures = 0
        finally:
            self.instances.remove(instance)
        if not asked_to_stop and not self._closing:
            self._crashed(instance, why, was_ready=ready)
        self._serve_waiters()

    async def _watch(self, instance: Instance) -> str:
        """Stops the process when it has been idle for long enough; returns how it ended when it did so by itself."""
        end = asyncio.create_task(instance.wait_end())
        try:
            while True:
                idle = time.monotonic() - instance.idle_since if instance.in_flight == 0 else 0.0
                left = self.platform.idle_seconds - idle
                spare = len(self._living()) > self.service.min_scale
                if left <= 0 and spare and instance.state == "ready":
                    instance.state = "stopping"
                    log.info("%s: process %s idle, stopping", self.service.name, instance.pid)
                    await instance.stop(self.service.timeout)
                    return ""
                done, _ = await asyncio.wait({end}, timeout=max(left, 0.05) if spare else 1.0)
                if done:
                    return end.result()
        finally:
            end.cancel()

    def _crashed(self, instance: Instance, why: str, *, was_ready: bool) -> None:
        """Remembers why. One that worked is replaced at once; after that a pause comes before each further start."""
        self.crashes += 1
        self._failures += 1
        pause = min(FIRST_BACKOFF * 2 ** (self._failures - 1), LAST_BACKOFF)
        if was_ready and self._failures == 1:
            pause = 0.0
        self.last_crash = f"process {instance.pid} ended: {why}" if instance.pid else why
        self._not_before = time.monotonic() + pause
        log.error("%s: %s", self.service.name, self.last_crash)
        asyncio.get_running_loop().call_later(pause + 0.01, self._after_backoff)

    def _after_backoff(self) -> None:
        if not self._closing:
            self.start_minimum()
            self._serve_waiters()

    def _refuse(self, why: str) -> None:
        """Answers all who wait: nobody will serve them soon."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(UnavailableError(why))

    async def stop(self, grace: float) -> None:
        """Stops every process: each has `grace` seconds to finish what it has."""
        self._closing = True
        self._refuse("the platform is stopping")
        await asyncio.gather(*(one.stop(grace) for one in list(self.instances)))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "name": self.service.name,
            "concurrency": self.service.concurrency,
            "limit": self.limit,
            "waiting": self.waiting,
            "starts": self.starts,
            "crashes": self.crashes,
            "last_crash": self.last_crash,
            "processes": [
                {
                    "pid": one.pid,
                    "port": one.port,
                    "state": one.state,
                    "in_flight": one.in_flight,
                    "started_at": one.started_at,
                    "idle_seconds": round(now - one.idle_since, 1) if one.in_flight == 0 else 0.0,
                }
                for one in self.instances
            ],
        }


def _ms(began: float) -> float:
    return (time.monotonic() - began) * 1000
