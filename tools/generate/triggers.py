"""knative/components/broker/triggers.yaml: for a Broker, what each KafkaSource says for Kafka.

A Trigger has no topics: it takes by type, and a topic of ours holds the events of one type.
"""

from pathlib import Path
from typing import Any

import yaml

from tools.generate.manifests import KNATIVE, field, manifests, of_kind

FILE = KNATIVE / "components" / "broker" / "triggers.yaml"
BROKER = "default"
HEADER = """\
# Generated from the KafkaSources in knative/ by `./task generate`: do not edit.
# The annotation is for the Broker on Kafka; the one on channels keeps no order and looks at nothing of it.
# The address of a dead letter names its consumer, since the Broker tells it only when there was an answer.
"""


def triggers() -> str:
    """A Trigger for each KafkaSource, of the same name."""
    return HEADER + "---\n".join(
        yaml.safe_dump(_trigger(file, source), sort_keys=False, width=120)
        for file in manifests()
        for source in of_kind(file, "KafkaSource")
    )


def _trigger(file: Path, source: dict[str, Any]) -> dict[str, Any]:
    name, delivery = field(file, source, "metadata.name"), field(file, source, "spec.delivery")
    dead_letters = field(file, source, "spec.delivery.deadLetterSink")
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {
            "name": name,
            "annotations": {"kafka.eventing.knative.dev/delivery.order": field(file, source, "spec.ordering")},
        },
        "spec": {
            "broker": BROKER,
            "filters": [_any([{"exact": {"type": topic}} for topic in field(file, source, "spec.topics")])],
            "subscriber": field(file, source, "spec.sink"),
            "delivery": {**delivery, "deadLetterSink": {**dead_letters, "uri": f"/?consumer={name}"}},
        },
    }


def _any(filters: list[dict[str, Any]]) -> dict[str, Any]:
    return filters[0] if len(filters) == 1 else {"any": filters}
