"""knative/components/broker/triggers.yaml: for a Broker, what each KafkaSource says for Kafka.

A Trigger has no topics: it takes by type, and a topic of ours holds the events of one type.
"""

from pathlib import Path
from typing import Any

import yaml

from tools.generate.capabilities import KNATIVE, domains, manifest_files

FILE = KNATIVE / "components" / "broker" / "triggers.yaml"
BROKER = "default"
HEADER = """\
# Generated from the KafkaSources in knative/ by `./task generate`: do not edit.
# The annotation is for the Broker on Kafka; the one on channels keeps no order and looks at nothing of it.
# The address of a dead letter names its consumer, since the Broker tells it only when there was an answer.
"""


def triggers() -> str:
    """A Trigger for each KafkaSource, of the same name."""
    files = [file for folder in domains() for file in manifest_files(folder)]
    return HEADER + "---\n".join(
        yaml.safe_dump(_trigger(source), sort_keys=False, width=120) for file in files for source in _sources(file)
    )


def _sources(file: Path) -> list[dict[str, Any]]:
    found = yaml.safe_load_all(file.read_text())
    return [document for document in found if document and document["kind"] == "KafkaSource"]


def _trigger(source: dict[str, Any]) -> dict[str, Any]:
    name, spec = source["metadata"]["name"], source["spec"]
    dead_letters = spec["delivery"]["deadLetterSink"]
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {
            "name": name,
            "annotations": {"kafka.eventing.knative.dev/delivery.order": spec["ordering"]},
        },
        "spec": {
            "broker": BROKER,
            "filters": [_any([{"exact": {"type": topic}} for topic in spec["topics"]])],
            "subscriber": spec["sink"],
            "delivery": {**spec["delivery"], "deadLetterSink": {**dead_letters, "uri": f"/?consumer={name}"}},
        },
    }


def _any(filters: list[dict[str, Any]]) -> dict[str, Any]:
    return filters[0] if len(filters) == 1 else {"any": filters}
