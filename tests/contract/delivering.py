"""Boxes whose events go through one transport or the other, for tests that ask the same of both."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from shared.cloudevents.kafka import to_record
from shared.ids import new_id
from tests.conftest import Database
from tests.local.box import Box
from tests.local.yaml_files import write


class KafkaBox(Box):
    """A box with KAFKA_BROKERS. Its topics and groups have a prefix: the broker is everybody's."""

    def __init__(self, root: Path, data: Path, database_url: str, brokers: str, prefix: str, **settings: str) -> None:
        super().__init__(root, data, database_url, KAFKA_BROKERS=brokers, **settings)
        self.brokers = brokers
        self.prefix = prefix

    def publish(self, topic: str, *events: tuple[str, str, dict[str, Any]]) -> None:
        records = []
        for event_id, key, data in events:
            event = {"specversion": "1.0", "id": event_id, "source": "/test", "type": topic, "data": data}
            event |= {"subject": key, "partitionkey": key, "datacontenttype": "application/json"}
            records.append(to_record(event))
        self.send(topic, *records)

    def send(self, topic: str, *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
        """Appends records (key, value, headers) as any system may."""
        from kafka import KafkaProducer  # type: ignore[import-untyped]  # it has no types

        with closing(KafkaProducer(bootstrap_servers=self.brokers, reconnect_backoff_max_ms=500)) as producer:
            sent = [
                producer.send(f"{self.prefix}{topic}", value=value, key=key, headers=headers)
                for key, value, headers in records
            ]
            for one in sent:
                one.get(30)

    def pending(self) -> int:
        return sum(int(source["lag"]) for source in self.status()["sources"])

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """What the group has committed, by topic and partition."""
        from kafka import KafkaAdminClient

        group = f"{self.prefix}{group}"
        with KafkaAdminClient(bootstrap_servers=self.brokers) as admin:
            found = admin.list_group_offsets([group])[group]
        return {(at.topic.removeprefix(self.prefix), at.partition): place.offset for at, place in found.items()}


MakeBox = Callable[..., Box]
MakeKafkaBox = Callable[..., KafkaBox]


def prefixed(resources: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    copies: list[dict[str, Any]] = json.loads(json.dumps(resources))
    for resource in copies:
        if resource["kind"] == "KafkaSource":
            spec = resource["spec"]
            spec["consumerGroup"] = f"{prefix}{spec['consumerGroup']}"
            spec["topics"] = [f"{prefix}{topic}" for topic in spec["topics"]]
    return copies


def make_topics(brokers: str, resources: list[dict[str, Any]], partitions: int) -> None:
    """Before the box does, with fewer partitions than its own would have."""
    from kafka import KafkaAdminClient
    from kafka.errors import TopicAlreadyExistsError  # type: ignore[import-untyped]  # it has no types

    topics = {topic for one in resources if one["kind"] == "KafkaSource" for topic in one["spec"]["topics"]}
    with KafkaAdminClient(bootstrap_servers=brokers) as admin:
        for topic in topics:
            with suppress(TopicAlreadyExistsError):
                wanted = {"num_partitions": partitions, "replication_factor": 1}
                admin.create_topics({topic: wanted}, wait_for_metadata=True)


def remove_topics(brokers: str, prefix: str) -> None:
    from kafka import KafkaAdminClient

    with KafkaAdminClient(bootstrap_servers=brokers) as admin:
        mine = [name for name in admin.list_topics() if name.startswith(prefix)]
        if mine:
            admin.delete_topics(mine)


def postgres_boxes(database: Database, folder: Path) -> Iterator[MakeBox]:
    """make(resources, **settings) -> a box that is not up yet, on an empty database."""
    database.all("truncate topic_record, consumer_offset, delivery restart identity")
    boxes: list[Box] = []

    def make(resources: list[dict[str, Any]], **settings: str) -> Box:
        number = len(boxes)
        root = write(folder / f"root-{number}", resources, [])
        boxes.append(Box(root, folder / f"data-{number}", database.url, **settings))
        return boxes[-1]

    yield make
    for box in boxes:
        box.down()


def kafka_boxes(database: Database, folder: Path, brokers: str) -> Iterator[MakeKafkaBox]:
    """The same on Kafka. Boxes of one test share their topics and groups, as runners of one platform do."""
    prefix = f"t{new_id()}."
    boxes: list[KafkaBox] = []

    def make(resources: list[dict[str, Any]], partitions: int = 3, **settings: str) -> KafkaBox:
        number = len(boxes)
        own = prefixed(resources, prefix)
        make_topics(brokers, own, partitions)
        root = write(folder / f"root-{number}", own, [])
        boxes.append(KafkaBox(root, folder / f"data-{number}", database.url, brokers, prefix, **settings))
        return boxes[-1]

    yield make
    for box in boxes:
        box.down()
    remove_topics(brokers, prefix)
