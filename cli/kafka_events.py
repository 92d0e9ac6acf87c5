"""The CloudEvents in Kafka's topics, read beside all consumer groups."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from cli.errors import CliError, Unreachable
from events.topics import TOPICS
from shared.cloudevents.kafka import foreign, from_record
from shared.config import ConfigError
from shared.outbox.kafka import client

POLL_MS = 500


def records(*, follow: bool, from_start: bool) -> Iterator[dict[str, Any]]:
    """Events in the order of their times, as far as they come together; of one key always in order."""
    from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]

    try:
        client.reach()
    except ConfigError as error:
        raise Unreachable(str(error)) from None
    with closing(KafkaConsumer(**client.options(), allow_auto_create_topics=False)) as consumer:
        mine = [TopicPartition(name, at) for name in TOPICS for at in consumer.partitions_for_topic(name) or ()]
        if not mine:
            raise CliError("This Kafka has no topics of Wadi's: make them with wadi topics init.")
        consumer.assign(mine)
        (consumer.seek_to_beginning if from_start else consumer.seek_to_end)(*mine)
        ends = consumer.end_offsets(mine)
        while follow or any(consumer.position(at) < ends[at] for at in mine):
            found = [record for batch in consumer.poll(POLL_MS).values() for record in batch]
            for record in sorted(found, key=lambda record: record.timestamp):
                yield _event(record)


def _event(record: Any) -> dict[str, Any]:
    event = from_record(record.value, record.headers)
    if event is None:
        location = f"partition:{record.partition}/offset:{record.offset}"
        event = foreign("-", record.topic, location, record.key, record.value)
    data = base64.b64decode(event.pop("data_base64", ""))
    try:
        return event | ({"data": json.loads(data)} if data else {})
    except ValueError:
        return event | {"data": data.decode(errors="replace")}
