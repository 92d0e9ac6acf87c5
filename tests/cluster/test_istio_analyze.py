"""`istioctl analyze` of all that is applied together: what refers to nothing, or can have no effect.

It asks a real API server, which has everything: of files alone it examines nothing that has to do with a Service, a
Secret or a pod.
"""

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.overlays import ROOT
from shared.errors import PROBLEMS
from tests.cluster.knative_names import forget, knative_names, namespace, tls_secret
from tools.cluster.build import binary
from tools.cluster.certificates import Authority
from tools.cluster.crds import Document
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane

BOUND = "EnvoyFilter exposes internal implementation details that may change at any time."
Change = Callable[[Document], object]


@pytest.fixture(scope="module")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Istio's webhook that injects, as it is installed; a file, since the API server would call it in vain."""
    command = [str(binary("istioctl")), "manifest", "generate"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    installed = [one for one in yaml.load_all(ended.stdout, Loader=yaml.CSafeLoader) if one]
    file = tmp_path_factory.mktemp("istio") / "injector.yaml"
    file.write_text(yaml.dump_all([one for one in installed if one["kind"] == "MutatingWebhookConfiguration"]))
    return file


@pytest.fixture(scope="module")
def applied(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Document]]:
    """Our manifests; beside them is what Knative, Istio and Kubernetes make of them or bring along themselves."""
    ours = [*render(ROOT / "istio"), *render(ROOT / "istio" / "mesh")]
    gateway = next(one for one in ours if one["kind"] == "Deployment")["spec"]["template"]
    pods = [
        _pod("wadi-gateway", "wadi-ingress", gateway["metadata"]["labels"], gateway["spec"]),
        _pod("istio-ingressgateway", "istio-system", {"istio": "ingressgateway"}, gateway["spec"]),
        _pod("activator", "knative-serving", {"app": "activator"}, gateway["spec"]),
        _pod("login", "wadi", {"app.kubernetes.io/part-of": "wadi"}, gateway["spec"]),
    ]
    accounts = [_account(one["metadata"]["namespace"], gateway["spec"]["serviceAccountName"]) for one in pods]
    authority = Authority.create(tmp_path_factory.mktemp("certificates"))
    authority.server("wadi-tls", [], ["video.example.com"])
    names = ("wadi", "istio-system", "wadi-ingress", "knative-serving", "knative-eventing")
    plane.apply([namespace(name) for name in names], "--field-manager=wadi-istio-tests")
    plane.apply([*ours, *accounts, *knative_names("10.0.0.1", 8081), tls_secret(authority, "wadi-tls")])
    plane.apply(pods)
    yield ours
    forget(plane, [*pods, *render(ROOT / "istio" / "mesh")])


def _account(space: str, name: str) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space}}


def _pod(name: str, space: str, labels: dict[str, str], spec: Document) -> Document:
    about = {"name": name, "namespace": space, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def _analyze(plane: Plane, ours: list[Document], *files: Path) -> list[dict[str, Any]]:
    """What is said of ours, but for what is said of each EnvoyFilter whatever is in it."""
    return [one for one in _said(plane, ours, *files) if BOUND not in one["message"]]


def _said(plane: Plane, ours: list[Document], *files: Path) -> list[dict[str, Any]]:
    command = [str(binary("istioctl")), "analyze", f"--kubeconfig={plane.kubeconfig}", "--all-namespaces",
               "--output=json", *map(str, files)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout, ended.stderr
    names = {f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in ours}
    return [one for one in json.loads(ended.stdout) if one["origin"] in names]


def test_nothing_is_found_in_what_is_applied_together(plane: Plane, injector: Path, applied: list[Document]) -> None:
    assert _analyze(plane, applied, injector) == []


def test_that_filters_are_bound_to_a_release_of_envoy_is_all_that_is_left_out(
    plane: Plane, injector: Path, applied: list[Document]
) -> None:
    assert len(_said(plane, applied, injector)) == sum(one["kind"] == "EnvoyFilter" for one in applied)


# What is changed in ours, and what is then said of it. IST0106 is what istiod's webhook would say.
WRONG: dict[str, tuple[str, str, Change, str, str]] = {
    "a route to nowhere": (
        "VirtualService", "wadi",
        lambda it: it["spec"]["http"][0]["route"][0]["destination"].update(host="nobody.wadi.svc.cluster.local"),
        "IST0101", "nobody.wadi.svc.cluster.local",
    ),
    "a gateway that there is not": (
        "VirtualService", "wadi", lambda it: it["spec"].update(gateways=["wadi-ingress/other"]),
        "IST0101", "wadi-ingress/other",
    ),
    "retries without a number": (
        "VirtualService", "wadi", lambda it: it["spec"]["http"][0].update(retries={"attempts": -1}),
        "IST0106", "attempts",
    ),
    "a method that is no expression": (
        "VirtualService", "wadi", lambda it: it["spec"]["http"][0]["match"][0].update(method={"regex": "GET|("}),
        "IST0106", "regex",
    ),
    "a certificate that there is not": (
        "Gateway", "wadi-gateway", lambda it: it["spec"]["servers"][1]["tls"].update(credentialName="other"),
        "IST0101", "other",
    ),
    "keys from nowhere": (
        "RequestAuthentication", "wadi-tokens", lambda it: it["spec"]["jwtRules"][0].update(jwksUri="keys"),
        "IST0106", "URI scheme",
    ),
    "pods that there are not": (
        "AuthorizationPolicy", "activator", lambda it: it["spec"]["selector"]["matchLabels"].update(app="other"),
        "IST0127", "",
    ),
    "a port that is no number": (
        "AuthorizationPolicy", "functions",
        lambda it: it["spec"]["rules"][0]["to"][0]["operation"].update(ports=["http"]),
        "IST0106", "http",
    ),
    "a mode for a port of all pods": (
        "PeerAuthentication", "functions", lambda it: it["spec"].pop("selector"), "IST0106", "port level mTLS",
    ),
    "a filter with a field that there is not": (
        "EnvoyFilter", "wadi-limits",
        lambda it: it["spec"]["configPatches"][0]["patch"]["value"]["typed_config"].update(bucket={}),
        "IST0133", 'unknown field "bucket"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_would_be_found(
    plane: Plane, injector: Path, applied: list[Document], tmp_path: Path, wrong: str
) -> None:
    kind, name, change, code, word = WRONG[wrong]
    changed = copy.deepcopy(next(one for one in applied if (one["kind"], one["metadata"]["name"]) == (kind, name)))
    change(changed)
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.dump(changed, Dumper=yaml.CSafeDumper))
    found = _analyze(plane, applied, injector, file)
    assert [one["message"] for one in found if one["code"] == code and word in one["message"]], found


def test_what_the_gateway_refuses_by_itself_is_told_as_functions_tell_it(applied: list[Document]) -> None:
    [replies] = [one for one in applied if one["metadata"]["name"] == "wadi-replies"]
    configs = [one["patch"].get("value", {}).get("typed_config", {}) for one in replies["spec"]["configPatches"]]
    [mappers] = [one["local_reply_config"]["mappers"] for one in configs if "local_reply_config" in one]
    for mapper in mappers:
        told = mapper["body_format_override"]["json_format"]
        known = PROBLEMS[told["type"].removeprefix("/problems/")]
        status = mapper["filter"]["status_code_filter"]["comparison"]["value"]["default_value"]
        assert (told["title"], told["status"]) == (known.title, known.status) == (known.title, status)
