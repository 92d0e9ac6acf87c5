"""Delivery from the tables of the database."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from local.activator.activator import Activator
from local.delivery.chaos import Chaos
from local.delivery.consumer import DOWN_PAUSE, POLL_SECONDS, Consumer, heard_within
from local.delivery.delivery import Delivery
from local.delivery.postgres.listener import Listener
from local.delivery.postgres.topics import PostgresQueue, Topics
from local.delivery.queue import TransportDownError
from local.manifests import KafkaSource

log = logging.getLogger("wadi.delivery")


class PostgresDelivery(Delivery):
    def __init__(self, url: str, sources: Sequence[KafkaSource], activator: Activator, chaos: Chaos) -> None:
        self.sources = sources
        self.topics = Topics(url)
        super().__init__(
            {one.group: Consumer(one, activator, PostgresQueue(self.topics, one), chaos) for one in sources}
        )
        self._lag: dict[str, int] = {}
        self._heard = asyncio.Event()
        self._listener = Listener(url, self._heard.set)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        return [self._listener.run(), self._fan_out()]

    async def _fan_out(self) -> None:
        down = False
        while True:
            self._heard.clear()
            try:
                mine = set(self.topics.owned)
                news = await self.topics.fan_out(self.sources)
                pause, down = POLL_SECONDS, False
                for group in news | (self.topics.owned - mine):
                    self.consumers[group].wake()
            except TransportDownError as error:
                if not down:
                    log.error("the database does not answer: %s", error)
                pause, down = DOWN_PAUSE, True
            await heard_within(self._heard, pause)

    async def close(self) -> None:
        await self.topics.close()

    async def lag(self) -> dict[str, int]:
        with suppress(TransportDownError):
            self._lag = await self.topics.lag()
        return self._lag
