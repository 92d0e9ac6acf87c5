"""A member of a group on a real Kafka, in the moments that a whole runner comes to rarely."""

from collections.abc import Iterator

import pytest
from msgspec import convert

from local.delivery.kafka import reader as kafka_reader
from local.delivery.kafka.queue import KafkaQueue
from local.delivery.kafka.reader import KafkaReader
from local.manifests import KafkaSource
from shared.ids import new_id
from tests.contract.delivering import make_topics, remove_topics
from tests.local.yaml_files import kafka_source
from tests.patience import until
from tests.real import need


@pytest.fixture
def topic() -> Iterator[str]:
    name = f"test-{new_id()}"
    yield name
    remove_topics(need("kafka"), name)


def test_a_rebalance_that_outlasts_a_poll_comes_to_its_end(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that appears later is what the client joins anew for; no poll is as long as that takes."""
    monkeypatch.setattr(kafka_reader, "POLL_MS", 1)
    monkeypatch.setattr(kafka_reader, "REBALANCE_SECONDS", 5.0)
    source = kafka_source("f", topic)
    source["spec"]["consumerGroup"] = topic
    queue = KafkaQueue(convert(source, KafkaSource))
    reader = KafkaReader(queue, lambda: None, servers=need("kafka"))
    reader.start()
    try:
        until(lambda: reader.joined, "it has joined, and there is nothing to be had")
        make_topics(reader.servers, [source], partitions=3)
        until(lambda: queue.here, "it has partitions")
    finally:
        reader.stop()
