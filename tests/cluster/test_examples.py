"""The examples of docs/deploy are admitted by a real API server, as far as their kinds are Kubernetes' or Knative's.

Those of operators (CloudNativePG, Strimzi, OpenSearch) need definitions that come with these.
"""

from pathlib import Path

import pytest
import yaml

from deploy.overlays import PLATFORM
from tests.patience import until
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane, Refused

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/deploy/examples"
NAMES = ["backup-cronjob.yaml", "ci-role.yaml", "etcd.yaml", "redis.yaml", "kind/backends.yaml", "kind"]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_admitted(plane: Plane, name: str) -> None:
    path = EXAMPLES / name
    documents = render(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    spaces = {each["metadata"]["namespace"] for each in documents if "namespace" in each["metadata"]}
    plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}} for space in spaces])
    plane.apply(render(PLATFORM))
    # the webhook hears of what the platform allows a moment later
    answer = until(lambda: plane.apply(documents, "--dry-run=server"), ignoring=Refused)
    assert answer.count("serverside-applied (server dry run)") == len(documents)
