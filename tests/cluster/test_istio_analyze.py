"""`istioctl analyze` of everything that is applied together: what refers to nothing, or can have no effect."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.build import binary
from cluster.crds import Document
from cluster.kustomize import render
from cluster.overlays import ROOT
from tests.cluster.conftest import REQUIRED
from tests.cluster.knative_names import knative_names, namespace

pytestmark = pytest.mark.skipif(not REQUIRED, reason="asked for by ./task cluster:admission, or REQUIRE_CLUSTER=1")


@pytest.fixture(scope="module")
def applied() -> list[Document]:
    """Our manifests, and what Knative, Istio and Kubernetes make of them or bring along themselves."""
    ours = [
        document
        for folder in ("istio", "istio/mesh", "knative/overlays/production")
        for document in render(ROOT / folder)
    ]
    template = next(
        one for one in ours if one["kind"] == "Deployment" and "istio" in one["spec"]["selector"]["matchLabels"]
    )
    return [
        *ours,
        *(namespace(name) for name in ("istio-system", "knative-serving", "knative-eventing")),
        *knative_names("10.0.0.1", 8081),
        _pod("wadi-gateway", "wadi-ingress", template["spec"]["template"]["metadata"]["labels"]),
        _pod("istio-ingressgateway", "istio-system", {"istio": "ingressgateway"}),
        _pod("activator", "knative-serving", {"app": "activator"}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wadi-tls", "namespace": "wadi-ingress"},
         "data": {"tls.crt": "", "tls.key": ""}},
    ]  # fmt: skip


def _pod(name: str, space: str, labels: dict[str, str]) -> Document:
    container = {"name": "istio-proxy", "image": "istio/proxyv2"}
    about = {"name": name, "namespace": space, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": [container]}}


def _analyze(documents: list[Document], folder: Path) -> list[dict[str, Any]]:
    file = folder / "all.yaml"
    file.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper))
    command = [str(binary("istioctl")), "analyze", "--use-kube=false", "--all-namespaces", "--output=json", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout, ended.stderr
    return list(json.loads(ended.stdout))


def test_nothing_is_found_in_what_is_applied_together(applied: list[Document], tmp_path: Path) -> None:
    assert _analyze(applied, tmp_path) == []


def test_a_route_to_nowhere_would_be_found(applied: list[Document], tmp_path: Path) -> None:
    there = [one for one in applied if (one["kind"], one["metadata"]["name"]) != ("Service", "login")]
    found = _analyze(there, tmp_path)
    assert [one["code"] for one in found] == ["IST0101"]
    assert "login.wadi.svc.cluster.local" in found[0]["message"]
