"""Wadi on the cluster: its backends beside it, and its own manifests, deployed as anybody would deploy them.

    found = backends(folder, host)               # PostgreSQL, Kafka and S3 on the cluster's HOST address, with a bucket
    path = overlay(folder, found, url, images)   # knative/overlays/cluster with their addresses
    deploy(plane, path)                          # python -m deploy --overlay, then the route table

The backends are processes of this machine: pods reach them as servers outside of a cluster are reached, and they are
there before it is. The addresses are in an overlay of its own, in FOLDER: nobody's checkout is changed.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from deploy.overlays import ROOT
from tools.backends import kafka, postgres, s3
from tools.backends.cache import BackendError
from tools.cluster.build import binary
from tools.cluster.plane import Plane
from tools.images import Image

BACKENDS = (postgres, kafka, s3)
# Two nodes and two copies: what places objects has something to do, and one machine not too much of it.
# Connections: one PostgreSQL of an ordinary size is there for all pods.
SETTINGS = {"AWS_S3_BUCKET": "wadi/one,wadi/two", "REPLICATION_FACTOR": "2", "DATABASE_CONNECTIONS": "4"}
CONFIGURED = ("KAFKA_BROKERS", "S3_ENDPOINT_URL", "AWS_REGION")
HIDDEN = ("DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SECONDS = 600
NAMESPACE = "wadi"
COMPONENTS = ROOT / "knative" / "components"


def backends(folder: Path, host: str) -> dict[str, str]:
    """Starts what does not run. What they are reached by, under the names of Wadi's settings."""
    with ThreadPoolExecutor(len(BACKENDS)) as workers:
        servers = list(workers.map(lambda module: module.start(folder / "backends", host), BACKENDS))
    found = {key: value for server in servers for key, value in server.exports.items()} | SETTINGS
    _python("cli", "storage", "init", variables=found)
    return found


def overlay(folder: Path, found: Mapping[str, str], url: str, images: Mapping[str, Image]) -> Path:
    """Written anew, and beside it FOLDER/wadi-broker, which has a Broker in the place of Kafka. Secrets stay."""
    hidden = {name: found[name] for name in HIDDEN} | {"JWT_SECRET": _secret(folder)}
    config = {name: found[name] for name in CONFIGURED} | SETTINGS | {"PUBLIC_URL": url}
    _write(folder / "wadi", config, hidden, images, [])
    del config["KAFKA_BROKERS"]
    _write(folder / "wadi-broker", config, hidden, images, [COMPONENTS / "broker"])
    return folder / "wadi"


def deploy(plane: Plane, overlay: Path) -> None:
    """Raises BackendError with what `./task deploy` said."""
    places = os.pathsep.join([str(binary("kubectl").parent), str(binary("kn").parent), os.environ.get("PATH", "")])
    variables = {"KUBECONFIG": str(plane.kubeconfig), "PATH": places}
    _python("deploy", "--overlay", str(overlay), variables=variables)
    plane.kubectl("apply", "--server-side", "--force-conflicts", "--filename", ROOT / "istio" / "routes.yaml")


def _python(module: str, *arguments: str, variables: Mapping[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments], capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, timeout=SECONDS,
    )  # fmt: skip
    if ended.returncode != 0:
        raise BackendError(f"{module} {' '.join(arguments)}: {(ended.stderr or ended.stdout).strip()}")
    return ended.stdout


def _write(
    home: Path,
    config: Mapping[str, str],
    hidden: Mapping[str, str],
    images: Mapping[str, Image],
    components: Iterable[Path],
) -> None:
    (home / "settings").mkdir(parents=True, exist_ok=True)
    _variables(home / "settings" / "settings.env", config)
    _variables(home / "secrets.env", hidden)
    plain = {"generatorOptions": {"disableNameSuffixHash": True}}
    merged = {"name": "wadi-config", "behavior": "merge", "envs": ["settings.env"]}
    _kustomization(home / "settings", kind="Component", configMapGenerator=[merged], **plain)
    _kustomization(
        home,
        kind="Kustomization",
        namespace=NAMESPACE,
        resources=[_relative(ROOT / "knative" / "overlays" / "cluster", home)],
        # what follows from the settings comes after them
        components=[_relative(one, home) for one in (*components, home / "settings", COMPONENTS / "derived")],
        secretGenerator=[{"name": "wadi-secrets", "envs": ["secrets.env"]}],
        images=[_renamed(image) for image in images.values()],
        **plain,
    )


def _secret(folder: Path) -> str:
    file = folder / "jwt-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


def _renamed(image: Image) -> dict[str, str]:
    name, _, tag = image.reference.rpartition(":")
    return {"name": name, "newTag": tag}


def _relative(path: Path, start: Path) -> str:
    """kustomize takes no absolute paths."""
    return os.path.relpath(path, start)


def _variables(file: Path, values: Mapping[str, str]) -> None:
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def _kustomization(folder: Path, kind: str, **fields: object) -> None:
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    about = {"apiVersion": f"kustomize.config.k8s.io/{version}", "kind": kind}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(about | fields))
