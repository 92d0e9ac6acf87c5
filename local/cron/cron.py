"""PingSources: an event to a function at the times of a cron schedule."""

import asyncio
import base64
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.activator.activator import Activator
from local.delivery.consumer import worth_retrying
from local.manifests import PingSource
from local.manifests.schedule import schedule
from shared.cloudevents.http import to_http

log = logging.getLogger("wadi.cron")

# As Knative's adapter: it tries a few times within seconds, since the next tick comes anyway.
TRIES, FIRST_PAUSE = 5, 0.05
LONGEST_SLEEP = 30.0  # the clock may be set meanwhile


class Cron:
    """`times` gives the times of a schedule after a moment."""

    def __init__(
        self,
        pings: Sequence[PingSource],
        activator: Activator,
        times: Callable[[str, datetime], Iterator[datetime]] = schedule,
    ) -> None:
        self.pings = pings
        self.activator = activator
        self.times = times
        self.next_at: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for ping in self.pings:
            self._keep(asyncio.create_task(self._follow(ping)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, ping: PingSource) -> None:
        zone = ZoneInfo(ping.spec.timezone)
        for at in self.times(ping.spec.schedule, datetime.now(zone)):
            if at < datetime.now(zone) - timedelta(minutes=1):
                continue  # the machine slept, or the clock was set: what was missed is not made up for
            self.next_at[ping.name] = at
            while (left := (at - datetime.now(zone)).total_seconds()) > 0:
                await asyncio.sleep(min(left, LONGEST_SLEEP))
            self._keep(asyncio.create_task(self.tick(ping)))

    async def tick(self, ping: PingSource) -> None:
        """Sends one event."""
        headers, body = to_http(_event(ping))
        for failures in range(TRIES):
            answer = await self.activator.deliver(
                ping.sink, headers, body, self.activator.pools[ping.sink].service.timeout
            )
            if answer.ok:
                return
            log.warning(
                "%s: %s %s", ping.name, answer.status or "no answer", answer.body[:200].decode(errors="replace")
            )
            if not worth_retrying(answer.status):
                return
            await asyncio.sleep(FIRST_PAUSE * 2**failures)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "schedule": one.spec.schedule,
                "sink": one.sink,
                "next_at": self.next_at[one.name].isoformat() if one.name in self.next_at else None,
            }
            for one in self.pings
        ]


def _event(ping: PingSource) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": f"/apis/v1/namespaces/{ping.metadata.namespace}/pingsources/{ping.name}",
        "type": "dev.knative.sources.ping",
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": ping.spec.content_type or "application/json",
    }
    return event | ({"data_base64": _base64(ping.spec.data)} if ping.spec.data else {})


def _base64(text: str) -> str:

    return base64.b64encode(text.encode()).decode()
