"""The YAML of the real releases, as their own modules have it: nothing of it is copied into this project.

`serving()`, `eventing()`, `kafka_source()`, `istio()`: the documents of a release, in the order to apply them. What
cannot be fetched has one line that says so (BackendError).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tools.cluster.build import modules
from tools.cluster.versions import EVENTING, KNATIVE, SERVING

Document = dict[str, Any]

DEFINITION = "CustomResourceDefinition"


def serving() -> list[Document]:
    folder = _release() / "knative-serving" / SERVING
    return _read(folder / "1-serving-crds.yaml", folder / "2-serving-core.yaml")


def eventing() -> list[Document]:
    """With the in-memory channel and the broker that is made of channels."""
    folder = _release() / "knative-eventing" / EVENTING
    names = ("1-eventing-crds", "2-eventing-core", "4-in-memory-channel", "5-mt-channel-broker")
    return _read(*(folder / f"{name}.yaml" for name in names))


def kafka_source() -> list[Document]:
    """The definition of KafkaSource alone: what runs it for real is no module (kafka_source.py stands in for it)."""
    file = _release() / "eventing-source" / KNATIVE / "kafka" / "eventing-kafka-controller.yaml"
    return [one for one in definitions(_read(file)) if one["spec"]["names"]["kind"] == "KafkaSource"]


def istio() -> list[Document]:
    return _read(modules("istio.io/api") / "kubernetes" / "customresourcedefinitions.gen.yaml")


def definitions(documents: Iterable[Document]) -> list[Document]:
    return [one for one in documents if one["kind"] == DEFINITION]


def _release() -> Path:
    return modules("knative.dev/operator") / "cmd" / "operator" / "kodata"


def _read(*files: Path) -> list[Document]:
    """Every document once, the last one of a name: the core files repeat the definitions."""
    found: dict[tuple[str, str, str], Document] = {}
    for file in files:
        for document in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader):
            if document:
                about = document["metadata"]
                found[document["kind"], about.get("namespace", ""), about["name"]] = document
    return list(found.values())
