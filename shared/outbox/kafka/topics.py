"""Makes the topics of events/topics.py in Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from events.topics import Topic
from shared.config import integer
from shared.outbox.kafka import client

if TYPE_CHECKING:
    from kafka import KafkaAdminClient  # type: ignore[import-untyped]

HOUR_MS = 3_600_000


class Found(NamedTuple):
    """A topic as it is after `create`; `note` says how it differs from the table."""

    name: str
    partitions: int
    made: bool
    note: str


def create(wanted: Mapping[str, Topic], servers: str = "") -> list[Found]:
    """Makes the topics that are missing; those that exist keep their records and their partitions. May be run at any
    time, by several at once; at KAFKA_BROKERS unless `servers` are named. Raises ConfigError."""
    from kafka.errors import KafkaError, TopicAlreadyExistsError  # type: ignore[import-untyped]

    with client.admin(servers) as admin:
        try:
            there = _partitions(admin, wanted)
            missing = [name for name in wanted if name not in there]
            copies = len(admin.describe_cluster()["brokers"])
            for name in missing:
                try:
                    admin.create_topics({name: _asked(wanted[name], copies)}, wait_for_metadata=True)
                except TopicAlreadyExistsError:
                    continue
            there = _partitions(admin, wanted)
        except (KafkaError, OSError) as error:
            raise client.no_answer(error, servers) from error
    return [Found(name, there[name], name in missing, _note(wanted[name], there[name])) for name in sorted(there)]


def configuration(copies: int, hours: int) -> dict[str, str]:
    """How Kafka keeps a topic of so many copies, for so long."""
    return {
        "retention.ms": str(hours * HOUR_MS),
        "cleanup.policy": "delete",
        # whether a group is past a moment is asked by time (pending.py): then one clock must tell it
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": "2" if copies > 2 else "1",
    }


def _asked(topic: Topic, brokers_there: int) -> dict[str, object]:
    # what is known about handled events (the inbox) is kept twice as long: records must not outlive it
    hours = min(topic.retention_hours, integer("EVENT_RETENTION_HOURS"))
    copies = min(topic.replication, brokers_there)
    return {
        "num_partitions": topic.partitions,
        "replication_factor": copies,
        "configs": configuration(copies, hours),
    }


def _partitions(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    found = admin.describe_topics(list(names))
    return {each["name"]: len(each["partitions"]) for each in found if each["error_code"] == 0}


def _note(topic: Topic, partitions: int) -> str:
    if partitions == topic.partitions:
        return ""
    return f"it has {partitions} partitions, the table says {topic.partitions}"
