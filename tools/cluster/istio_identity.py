"""Who a workload is in the mesh: its certificate, which istiod issues to its service account.

    mine = istio_identity.start(plane, workload)     # Istio's own agent
    istio.start_proxy(plane, workload, ports, mine)  # gets the certificate through the agent's socket
    istio_identity.context(mine)                     # the same for a client in Python

The agent would start an Envoy too, with filters that the upstream build has not: what it starts here does nothing.
"""

import json
import ssl
from pathlib import Path

from tools.backends.cache import BackendError
from tools.backends.server import Program, Server, serve
from tools.cluster.build import binary
from tools.cluster.istio import IDENTITY, XDS, Workload
from tools.cluster.plane import Plane

SOCKET = "var/run/secrets/workload-spiffe-uds/socket"  # where the agent has it, as seen from its folder
TOKEN = "var/run/secrets/tokens/istio-token"  # noqa: S105 - where it looks for it
CERTIFICATES = "certificates"
PROTOCOLS = ["istio", "http/1.1"]  # the first one says that it is somebody of the mesh
FILES = ("cert-chain.pem", "key.pem", "root-cert.pem")


def start(plane: Plane, workload: Workload) -> Server:
    """Its address is the socket, by its way from the folder of a proxy: a socket's path must be short."""
    name = IDENTITY + workload.name

    def program(home: Path, ports: list[int]) -> Program:
        token = home / TOKEN
        token.parent.mkdir(parents=True, exist_ok=True)
        token.write_text(workload.token(plane))
        (home / CERTIFICATES).mkdir(exist_ok=True)
        for old in (home / SOCKET, *(home / CERTIFICATES / file for file in FILES)):
            old.unlink(missing_ok=True)

        def issued() -> None:
            if missing := [file for file in FILES if not (home / CERTIFICATES / file).exists()]:
                raise BackendError(f"istiod has not issued {', '.join(missing)} yet")
            if not (home / SOCKET).is_socket():
                raise BackendError("it has no socket yet")

        nothing = home / "nothing"
        nothing.write_text("#!/bin/sh\nexec sleep infinity\n")
        nothing.chmod(0o755)
        settings = {
            "binaryPath": str(nothing),
            "proxyBootstrapTemplatePath": str(nothing),
            "discoveryAddress": f"{plane.network.inside}:{XDS}",
            "controlPlaneAuthPolicy": "NONE",
            "statusPort": ports[0],
        }
        environment = {
            "CLOUD_PLATFORM": "none",  # or it would ask the network for two seconds which cloud this is
            "OUTPUT_CERTS": str(home / CERTIFICATES),
            "PROXY_CONFIG": json.dumps(settings),
            "ISTIO_META_CLUSTER_ID": "Kubernetes",
            "POD_NAME": workload.name,
            "POD_NAMESPACE": workload.namespace,
            "SERVICE_ACCOUNT": workload.account,
            "INSTANCE_IP": plane.network.inside,
        }
        command = [*plane.network.enter, str(binary("pilot-agent")), "proxy", workload.kind]
        return Program(command, issued, {"": f"../{name}/{SOCKET}"}, environment)

    return serve(name, plane.folder, 1, program)


def context(identity: Server) -> ssl.SSLContext:
    """Of a client. It trusts whom the mesh trusts, and compares no name: there is none but the service account's."""
    certificate, key, root = (str(identity.folder / CERTIFICATES / file) for file in FILES)
    made = ssl.create_default_context(cafile=root)
    made.check_hostname = False
    made.set_alpn_protocols(PROTOCOLS)
    made.load_cert_chain(certificate, key)
    return made
