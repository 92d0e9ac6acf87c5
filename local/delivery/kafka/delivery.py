"""Delivery from Kafka: a member of each consumer group, as the KafkaSources say."""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from events.topics import TOPICS, topic
from local.activator.activator import Activator
from local.delivery.chaos import Chaos
from local.delivery.consumer import Consumer
from local.delivery.delivery import Delivery
from local.delivery.kafka.queue import KafkaQueue
from local.delivery.kafka.reader import KafkaReader
from local.manifests import KafkaSource


def topics_of(sources: Sequence[KafkaSource]) -> dict[str, Any]:
    """Every topic that is written or read here."""
    return TOPICS | {name: topic(name) for source in sources for name in source.spec.topics}


class KafkaDelivery(Delivery):
    def __init__(self, sources: Sequence[KafkaSource], activator: Activator, chaos: Chaos) -> None:
        self.queues = {one.group: KafkaQueue(one) for one in sources}
        super().__init__({one.group: Consumer(one, activator, self.queues[one.group], chaos) for one in sources})
        self.readers: dict[str, KafkaReader] = {}

    def work(self) -> list[Coroutine[Any, Any, None]]:
        loop = asyncio.get_running_loop()
        for group, queue in self.queues.items():
            wake = partial(loop.call_soon_threadsafe, self.consumers[group].wake)
            self.readers[group] = KafkaReader(queue, wake)
            self.readers[group].start()
        return []

    async def close(self) -> None:
        """After the last answer: what is done is committed, and the groups are left at once."""
        await asyncio.gather(*(asyncio.to_thread(reader.stop) for reader in self.readers.values()))

    async def lag(self) -> dict[str, int]:
        return {group: reader.lag() for group, reader in self.readers.items()}

    async def status(self) -> list[dict[str, Any]]:
        found = await super().status()
        return [one | {"foreign": self.queues[one["group"]].foreign} for one in found]
