"""The control plane: etcd and the API server as plain processes of this machine, and what runs pods where asked.

    plane = start(folder, network, pods=False)     # found running, or started; BackendError in one line
    plane.apply(documents)                         # kubectl apply --server-side, of dicts; strict
    plane.kubectl("get", "pods", namespace=…)      # stdout; Refused with what the API server said
    plane.kubeconfig, plane.credentials("kubelet") # of the administrator; of a program (CLIENTS)
    plane.stop()

The API server listens on the network's HOST address, so it is reached from here and from inside. etcd is for the API
server alone and stays on loopback. With `pods`, the controller manager and the scheduler run too. CRDs and webhooks are
added by crds.py and webhooks.py. Everything is in FOLDER, one folder a process, as tools/backends/server.py keeps them:

FOLDER/certificates   authority and kubeconfigs (certificates.py)
      /network /etcd /kube-apiserver /kube-controller-manager /kube-scheduler /…-webhook
"""

import json
import ssl
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tools.backends import etcd
from tools.backends.cache import BackendError
from tools.backends.server import Program, Server, running, serve
from tools.cluster.build import binary
from tools.cluster.certificates import Authority
from tools.cluster.network import Network

SERVICES = "10.96.0.0/16"  # addresses of Services: the first is the API server's, DNS the one that kubelets are told
API_SERVICE = "10.96.0.1"
DNS = "10.96.0.10"
PODS = "10.97.0.0/16"
NODE = "wadi"  # the one node's name
ISSUER = "https://kubernetes.default.svc.cluster.local"

# Who else speaks to the API server: by which name and groups, as Kubernetes' own roles expect them.
CLIENTS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager",),
    "kube-scheduler": ("system:kube-scheduler",),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy",),
    "kube-apiserver-kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
}
PROCESSES = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", etcd.NAME)  # in the order of ending them
SECONDS = 120


class Refused(Exception):
    """kubectl did not do it: what it said."""


@dataclass(frozen=True)
class Plane:
    folder: Path
    network: Network
    address: str  # https://HOST:PORT

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    @property
    def kubeconfig(self) -> Path:
        return self.credentials("admin")

    def credentials(self, client: str) -> Path:
        return self.certificates / f"{client}.kubeconfig"

    def defined(self, seconds: float) -> None:
        """Waits for every definition of a kind to be established."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.kubectl("wait", "crd", "--all", "--for=condition=Established", f"--timeout={seconds:.0f}s")
                return
            except Refused as error:
                # kubectl takes the conditions of one that was made a moment ago, null as yet, for a fault
                if "accessor error" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def kubectl(self, *arguments: str | Path, namespace: str = "", stdin: str = "", seconds: float = SECONDS) -> str:
        """What kubectl printed. Raises Refused with its last words."""
        scope = [f"--namespace={namespace}"] if namespace else []
        command = [binary("kubectl"), f"--kubeconfig={self.kubeconfig}", *scope, *arguments]
        try:
            ended = subprocess.run(
                [str(part) for part in command], input=stdin, capture_output=True, text=True, check=False,
                timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Refused(f"kubectl {arguments[0]} took more than {seconds:.0f} s.") from error
        if ended.returncode != 0:
            raise Refused(ended.stderr.strip() or f"kubectl {arguments[0]}: {ended.returncode}")
        return ended.stdout

    def apply(self, documents: Iterable[Mapping[str, Any]], *options: str) -> str:
        """Creates or changes them as they are written: what the API does not know is refused, never left out."""
        text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
        server_side = ["--server-side", "--force-conflicts", "--validate=strict"]
        return self.kubectl("apply", *server_side, *options, "--filename=-", stdin=text)

    def get(self, *arguments: str, namespace: str = "") -> dict[str, Any]:
        """One object, or a List."""
        return dict(json.loads(self.kubectl("get", *arguments, "--output=json", namespace=namespace)))

    def stop(self) -> None:
        """Ends what `start` has started, but for the network, which others may use."""
        for name in PROCESSES:
            if found := running(name, self.folder):
                found.stop()


def start(folder: Path, network: Network, *, pods: bool = False) -> Plane:
    certificates = folder / "certificates"
    store = etcd.start(folder)
    server = _api_server(folder, network, store, certificates)
    plane = Plane(folder, network, server.address)
    if pods:
        _controller_manager(plane)
        _scheduler(plane)
    return plane


def found(folder: Path, network: Network) -> Plane | None:
    """The control plane in that folder, or None where it does not run."""
    server = running("kube-apiserver", folder)
    return Plane(folder, network, server.address) if server else None


def _credentials(certificates: Path, network: Network, server: str) -> None:
    """Made once a folder: an API server that comes again has to be the one that its clients know."""
    if (certificates / "admin.kubeconfig").exists():
        return
    authority = Authority.create(certificates)
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", ISSUER.removeprefix("https://"), "localhost"]
    authority.server("kube-apiserver", [network.host, API_SERVICE, "127.0.0.1"], names)
    authority.server("kubelet-server", [network.inside, "127.0.0.1"], [NODE])
    for client, (user, *groups) in reversed(CLIENTS.items()):  # admin's last: it says that all are there
        authority.client(client, user, *groups, server=server)


def _api_server(folder: Path, network: Network, store: Server, certificates: Path) -> Server:
    binary_path = binary("kube-apiserver")

    def program(home: Path, ports: list[int]) -> Program:
        address = f"https://{network.host}:{ports[0]}"
        _credentials(certificates, network, address)
        options = {
            "etcd-servers": store.address if "://" in store.address else f"http://{store.address}",
            "bind-address": network.host,
            "advertise-address": network.host,
            "secure-port": str(ports[0]),
            "cert-dir": str(home),
            "tls-cert-file": str(certificates / "kube-apiserver.crt"),
            "tls-private-key-file": str(certificates / "kube-apiserver.key"),
            "client-ca-file": str(certificates / "ca.crt"),
            "kubelet-preferred-address-types": "InternalIP",  # for logs and exec: no DNS knows the node's name
            "kubelet-client-certificate": str(certificates / "kube-apiserver-kubelet-client.crt"),
            "kubelet-client-key": str(certificates / "kube-apiserver-kubelet-client.key"),
            "service-account-issuer": ISSUER,
            "service-account-key-file": str(certificates / "sa.pub"),
            "service-account-signing-key-file": str(certificates / "sa.key"),
            "service-cluster-ip-range": SERVICES,
            "authorization-mode": "Node,RBAC",
            "allow-privileged": "true",
            # A Service's cluster address means nothing here: webhooks are called at the addresses of its Endpoints.
            "enable-aggregator-routing": "true",
            "endpoint-reconciler-type": "lease",
            "shutdown-delay-duration": "0s",
        }
        command = [str(binary_path), *(f"--{name}={value}" for name, value in options.items())]
        ready = certificates / "admin.kubeconfig"
        return Program(command, lambda: _ready(address, ready), {"KUBERNETES": address}, patience=SECONDS)

    return serve("kube-apiserver", folder, 1, program)


def _ready(address: str, kubeconfig: Path) -> None:
    folder = kubeconfig.parent
    with httpx.Client(verify=_context(folder), timeout=5) as client:
        answer = client.get(f"{address}/readyz?verbose")
    if answer.status_code != 200:
        failing = [line for line in answer.text.splitlines() if line.startswith("[-]")]
        raise BackendError(f"{answer.status_code} {' '.join(failing)}")


def _context(certificates: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    context.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
    return context


def _controller_manager(plane: Plane) -> Server:
    certificates, credentials = plane.certificates, str(plane.credentials("kube-controller-manager"))
    options = {
        "kubeconfig": credentials,
        "authentication-kubeconfig": credentials,
        "authorization-kubeconfig": credentials,
        "root-ca-file": str(certificates / "ca.crt"),
        "service-account-private-key-file": str(certificates / "sa.key"),
        "use-service-account-credentials": "true",
        "allocate-node-cidrs": "true",
        "cluster-cidr": PODS,
        "service-cluster-ip-range": SERVICES,
        "leader-elect": "false",
    }
    return _component(plane, "kube-controller-manager", options)


def _scheduler(plane: Plane) -> Server:
    credentials = str(plane.credentials("kube-scheduler"))
    options = {
        "kubeconfig": credentials,
        "authentication-kubeconfig": credentials,
        "authorization-kubeconfig": credentials,
        "leader-elect": "false",
    }
    return _component(plane, "kube-scheduler", options)


def _component(plane: Plane, name: str, options: dict[str, str]) -> Server:
    """A program of the control plane that nobody speaks to: on loopback, with a certificate that it makes itself."""
    binary_path = binary(name)

    def program(home: Path, ports: list[int]) -> Program:
        own = {"bind-address": "127.0.0.1", "secure-port": str(ports[0]), "cert-dir": str(home)}
        command = [str(binary_path), *(f"--{key}={value}" for key, value in (options | own).items())]
        url = f"https://127.0.0.1:{ports[0]}/healthz"
        return Program(command, lambda: httpx.get(url, verify=False, timeout=5).raise_for_status(), {"": url})  # noqa: S501

    return serve(name, plane.folder, 1, program)
