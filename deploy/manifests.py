"""What an overlay is made of, in the order in which it has to come."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deploy.overlays import OVERLAYS
from deploy.tools import DeployError, kubectl

Manifest = dict[str, Any]

# What a migration needs to run. Whoever has another kind that makes the Secret (external-secrets) applies it before.
FIRST = ("Namespace", "ServiceAccount", "ConfigMap", "Secret")


FOLDER = "knative/overlays/"


class Built(NamedTuple):
    first: list[Manifest]
    migrations: list[Manifest]
    rest: list[Manifest]


def build(overlay: str) -> Built:
    """An overlay by its name, or any folder with a kustomization."""
    path = OVERLAYS.get(f"{FOLDER}{overlay}") or Path(overlay)
    if not path.is_dir():
        raise DeployError(f"There is no overlay {overlay}; there are {', '.join(overlays())}, and folders of yours.")
    return split([each for each in yaml.safe_load_all(kubectl("kustomize", str(path))) if each])


def overlays() -> list[str]:
    return sorted(name.removeprefix(FOLDER) for name in OVERLAYS if name.startswith(FOLDER))


def split(manifests: list[Manifest]) -> Built:
    first = [each for each in manifests if each["kind"] in FIRST]
    migrations = [each for each in manifests if each["kind"] == "Job"]
    return Built(first, migrations, [each for each in manifests if each not in first and each not in migrations])


def service(built: Built, name: str) -> Manifest:
    """The Knative Service of a function."""
    name = name.replace("_", "-")
    for each in built.rest:
        if is_service(each) and each["metadata"]["name"] == name:
            return each
    names = sorted(each["metadata"]["name"] for each in built.rest if is_service(each))
    near = [each for each in names if name in each or each in name]
    raise DeployError(f"There is no function {name} here." + (f" Is it {' or '.join(near)}?" if near else ""))


def sources(built: Built, name: str) -> list[Manifest]:
    """What wakes a function: its KafkaSource or PingSource, or its Trigger."""
    return [each for each in built.rest if (name, "Service") in _references(each) and not is_service(each)]


def is_service(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "Service" and manifest["apiVersion"].startswith("serving.knative.dev/"))


def _references(manifest: Manifest) -> Iterator[tuple[str, str]]:
    spec = manifest.get("spec") or {}
    for field in ("sink", "subscriber"):
        end = spec.get(field)
        if isinstance(end, dict) and "ref" in end:
            yield end["ref"]["name"], end["ref"]["kind"]
