"""The pods of our functions and Jobs fit the namespace's own rule: Kubernetes' Pod Security Standard `restricted`.

Services are admitted whatever their pods will be; it is the pods that would be refused, when there is work.
"""

import copy
from typing import Any

import pytest

from deploy.overlays import OVERLAYS
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane, Refused

OVERLAY = OVERLAYS["knative/overlays/production"]
# What Knative gives its queue-proxy (pkg/reconciler/revision/resources/queue.go).
QUEUE = {
    "name": "queue-proxy",
    "image": "queue",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
NOT_KUBERNETES = {"containerConcurrency", "timeoutSeconds"}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def pods(plane: Plane) -> list[Document]:
    """A pod of each, as Knative or the Job controller would make it; namespace and account are really there."""
    documents = render(OVERLAY)
    plane.apply([one for one in documents if one["kind"] == "Namespace"])
    plane.apply([one for one in documents if one["kind"] == "ServiceAccount"])
    return [_pod(one) for one in documents if one["kind"] in ("Service", "Job")]


def _pod(document: Document) -> Document:
    template = copy.deepcopy(document["spec"]["template"])
    spec = {key: value for key, value in template["spec"].items() if key not in NOT_KUBERNETES}
    (container,) = spec["containers"]
    # Knative fills the port of a probe in, and asks for readiness itself, from queue-proxy
    container.pop("readinessProbe", None)
    container.pop("livenessProbe", None)
    if document["kind"] == "Service":
        container["name"] = "user-container"
        spec["containers"].append(QUEUE)
    name = f"{document['kind'].lower()}-{document['metadata']['name']}"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "wadi"}, "spec": spec}


def test_every_pod_is_let_in(plane: Plane, pods: list[Document]) -> None:
    answer = plane.apply(pods, "--dry-run=server")
    assert answer.count("serverside-applied (server dry run)") == len(pods)


def test_one_that_asks_for_more_is_not(plane: Plane, pods: list[Document]) -> None:
    pod = copy.deepcopy(pods[0])
    pod["spec"]["containers"][0]["securityContext"]["capabilities"] = {"add": ["NET_ADMIN"]}
    with pytest.raises(Refused, match='violates PodSecurity "restricted:latest": unrestricted capabilities'):
        plane.apply([pod], "--dry-run=server")
