"""What Knative, an administrator and cert-manager put beside our manifests, for tests without them."""

import yaml

from tools.cluster.certificates import Authority
from tools.cluster.crds import Document
from tools.cluster.plane import Plane
from tools.generate.capabilities import http_capabilities

LOCAL = {"name": "knative-local-gateway", "namespace": "istio-system"}


def knative_names(host: str, port: int, speaks: str = "http2") -> list[Document]:
    """For each function a name that is another one of Knative's local gateway, which is at HOST:PORT.

    The real one `speaks` HTTP/2, by what Knative and net-istio call its port; a server in its place may not.
    """
    gateway = f"{LOCAL['name']}.{LOCAL['namespace']}.svc.cluster.local"
    names = (one.name.replace("_", "-") for one in http_capabilities())
    return [
        *(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "wadi"},
                "spec": {"type": "ExternalName", "externalName": gateway, "ports": [{"name": speaks, "port": 80}]},
            }
            for name in names
        ),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": LOCAL,
            "spec": {"ports": [{"name": speaks, "port": 80, "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": LOCAL | {"labels": {"kubernetes.io/service-name": LOCAL["name"]}},
            "addressType": "IPv4",
            "ports": [{"name": speaks, "port": port}],
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
        },
    ]


def namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def tls_secret(authority: Authority, name: str) -> Document:
    """wadi-tls, with the certificate that was issued by that name."""
    pair = {f"tls.{part}": authority.file(f"{name}.{part}").read_text() for part in ("crt", "key")}
    about = {"name": "wadi-tls", "namespace": "wadi-ingress"}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": about, "stringData": pair}


def forget(plane: Plane, documents: list[Document]) -> None:
    """The other tests on this plane are without them."""
    options = ["--ignore-not-found", "--wait=false", "--grace-period=0", "--filename=-"]
    plane.kubectl("delete", *options, stdin=yaml.dump_all(documents, Dumper=yaml.CSafeDumper))
