"""All KafkaSources: a consumer for each, woken when there is something for it. Each transport brings its own work."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from local.delivery.consumer import Consumer


class Delivery:
    def __init__(self, consumers: Mapping[str, Consumer]) -> None:
        self.consumers = dict(consumers)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        work = [*self.work(), *(consumer.run() for consumer in self.consumers.values())]
        self._tasks = [asyncio.create_task(one) for one in work]

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What the transport does all the time."""
        return []

    async def pause(self) -> None:
        """Nothing new is begun; what is under way may still end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for consumer in self.consumers.values():
            consumer.closing = True

    async def stop(self) -> None:
        """Deliveries in flight are given up; the next runner delivers those events again."""
        await asyncio.gather(*(consumer.stop() for consumer in self.consumers.values()))
        await self.close()

    async def close(self) -> None:
        """Ends the transport."""

    async def lag(self) -> dict[str, int]:
        """How many events each group has not handled yet."""
        raise NotImplementedError

    async def status(self) -> list[dict[str, Any]]:
        lag = await self.lag()
        return [one.status() | {"lag": lag.get(group, 0)} for group, one in self.consumers.items()]
