"""knative/components/topics/topics.yaml: events/topics.py as KafkaTopics, for whoever has Kafka run by Strimzi."""

import yaml

from events.topics import TOPICS, Topic
from shared.outbox.kafka.topics import configuration
from tools.generate.manifests import KNATIVE

FILE = KNATIVE / "components" / "topics" / "topics.yaml"
CLUSTER = "wadi"  # the Kafka object's name; kustomization.yaml says how to have another
HEADER = """\
# Generated from events/topics.py by `./task generate`: do not edit.
"""


def kafka_topics() -> str:
    return HEADER + "---\n".join(
        yaml.safe_dump(_topic(name, topic), sort_keys=False, width=120) for name, topic in TOPICS.items()
    )


def _topic(name: str, topic: Topic) -> dict[str, object]:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": {
            "partitions": topic.partitions,
            "replicas": topic.replication,
            "config": configuration(topic.replication, topic.retention_hours),
        },
    }
