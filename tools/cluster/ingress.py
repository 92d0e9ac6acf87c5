"""The way in: our stand-in for Knative's ingress and for Istio's gateway (go/ingress), as a process of this machine.

    ingress = start(plane)       # found running, or started; BackendError in one line
    ingress.url                  # for everybody: hosts of Services, and the route table for any other host
    ingress.internal             # HOST:PORT for the cluster's own: hosts by their names in the cluster
    stop(plane)

Both are on the network's HOST address, which only this machine and the cluster reach: there is no TLS. It dials pods
itself, so it needs routes to them, and neither kube-proxy nor DNS. Pods get to it by the Service below, which is the
ExternalName of every Knative service's name.
"""

from dataclasses import dataclass

import httpx

from tools.backends.server import Program, Server, running, serve
from tools.cluster.build import binary
from tools.cluster.crds import Document
from tools.cluster.plane import Plane

NAME = "ingress"
CLASS = "wadi.ingress.networking.knative.dev"  # config-network names it (serving.py)
NAMESPACE = "wadi-ingress"
DOMAIN = f"{NAME}.{NAMESPACE}.svc.cluster.local"


@dataclass(frozen=True)
class Ingress:
    server: Server

    @property
    def url(self) -> str:
        return self.server.exports["GATEWAY_URL"]

    @property
    def internal(self) -> str:
        return self.server.exports["GATEWAY_INTERNAL"]


def start(plane: Plane) -> Ingress:
    program_path = binary(NAME)

    def program(home: object, ports: list[int]) -> Program:
        public, internal = (f"{plane.network.host}:{port}" for port in ports)
        options = {
            "kubeconfig": plane.kubeconfig, "class": CLASS, "public": public, "internal": internal, "domain": DOMAIN,
        }  # fmt: skip
        command = [str(program_path), *(f"--{name}={value}" for name, value in options.items())]
        exports = {"GATEWAY_URL": f"http://{public}", "GATEWAY_INTERNAL": internal}
        # it listens when it knows the cluster
        return Program(command, lambda: [httpx.get(f"http://{one}/", timeout=5) for one in (public, internal)], exports)

    ingress = Ingress(serve(NAME, plane.folder, 2, program, plane.network.host))
    plane.apply(_service(ingress))
    return ingress


def stop(plane: Plane) -> None:
    if found := running(NAME, plane.folder):
        found.stop()


def _service(ingress: Ingress) -> list[Document]:
    """Without a selector, and where it leads."""
    host, _, port = ingress.internal.partition(":")
    about = {"name": NAME, "namespace": NAMESPACE}
    leads = {"name": "http", "port": int(port), "protocol": "TCP"}
    service = {"ports": [leads | {"port": 80, "targetPort": int(port)}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": service},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": about | {"labels": {"kubernetes.io/service-name": NAME}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
            "ports": [leads],
        },
    ]
