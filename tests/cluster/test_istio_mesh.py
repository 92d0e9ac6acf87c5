"""istio/mesh: who may call whom, and that it has to be by mutual TLS. Real requests through Envoy, whose configuration
and certificates are a real istiod's.

    from outside ──> wadi-gateway ──> Knative's local gateway ──> a function's sidecar ──> the function
         callers of other service accounts ──────^───────────────────^

Each hop is the process that a pod would have, with labels and service account as there. What no process here does:
injection, and a sidecar's own way out of a pod. A sidecar's way in is redirected by the rule that its init container
would make. Named callers are clients that show the certificate of a service account.
"""

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import httpx
import pytest

from deploy.overlays import ROOT
from tests.cluster.functions_stand_in import pod
from tests.cluster.knative_names import forget, knative_names, namespace, tls_secret
from tools.backends.cache import BackendError
from tools.backends.server import Server
from tools.cluster import istio, istio_identity, node
from tools.cluster.certificates import Authority
from tools.cluster.crds import Document
from tools.cluster.istio import Workload
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane

HTTPS, LOCAL = 8443, 8081
REQUESTS, DRAIN, NUMBERS = 8012, 8022, 9090  # queue-proxy's ports; the activator's, but for the second
INBOUND = 15006  # where a sidecar takes what comes to the pod
FUNCTION = "login"
HOST = f"{FUNCTION}.wadi.svc.cluster.local"
SPACES = ("wadi", "wadi-ingress", "istio-system", "knative-serving", "knative-eventing", "elsewhere")
# Whoever calls: by the namespace, all that the rules ask for.
OUTSIDE, EVENTS, KNATIVE, WAY_IN, ITS_OWN, STRANGER = (
    "wadi-ingress", "knative-eventing", "knative-serving", "istio-system", "wadi", "elsewhere",
)  # fmt: skip


class Mesh(NamedTuple):
    plane: Plane
    identities: dict[str, Server]
    authority: Authority

    def ask(self, caller: str | None, port: int, target: str = "/", method: str = "GET") -> int:
        """The status; without a caller, of a request in plain text."""
        return self.status(istio_identity.context(self.identities[caller]) if caller else None, port, target, method)

    def status(self, shown: ssl.SSLContext | None, port: int, target: str = "/", method: str = "GET") -> int:
        """OSError or HTTPException where there is none."""
        address = self.plane.network.inside
        client = http.client.HTTPConnection(address, port, timeout=30)
        if shown:
            client = http.client.HTTPSConnection(address, port, timeout=30, context=shown)
        try:
            client.request(method, target, headers={"Host": HOST})
            return client.getresponse().status
        finally:
            client.close()


@pytest.fixture(scope="module")
def mesh(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Up to Knative's local gateway; sidecars come with the tests of them."""
    authority = Authority.create(tmp_path_factory.mktemp("certificates"))
    documents = [*render(ROOT / "istio"), *render(ROOT / "istio" / "mesh")]
    pods = next(one for one in documents if one["kind"] == "Deployment")["spec"]["template"]
    gateway = Workload("wadi-gateway", OUTSIDE, pods["spec"]["serviceAccountName"], pods["metadata"]["labels"])
    local = Workload("istio-ingressgateway", WAY_IN, "caller", {"istio": "ingressgateway"}, admin=15100)
    try:
        with istio.apart(plane) as apart, ExitStack() as stack:
            inside = apart.network.inside
            authority.server("wadi-tls", [inside], [])
            plane.apply([namespace(name) for name in SPACES], "--field-manager=wadi-istio-tests")
            plane.apply([_account(space) for space in SPACES])
            plane.apply([*documents, *_as_knative_has_it(inside), tls_secret(authority, "wadi-tls")])
            istio.start_control(apart, {"wadi-keys.wadi-ingress.svc.cluster.local": inside})
            callers = [Workload(space, space, "caller", {}) for space in SPACES]
            with ThreadPoolExecutor() as workers:
                *others, its = workers.map(lambda one: istio_identity.start(apart, one), [*callers, gateway])
                identities = dict(zip(SPACES, others, strict=True))
                ways = ((local, (LOCAL,), identities[WAY_IN]), (gateway, (HTTPS,), its))
                list(workers.map(lambda way: istio.start_proxy(apart, *way), ways))
            for port in (REQUESTS, DRAIN, NUMBERS):
                stack.enter_context(pod(apart.network, port))
            stack.enter_context(_redirected(apart))
            yield Mesh(apart, identities, authority)
            forget(plane, [*render(ROOT / "istio" / "mesh"), *_as_knative_has_it(inside)])
    except BackendError as error:
        pytest.fail(str(error))


def _account(space: str) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "caller", "namespace": space}}


def _as_knative_has_it(inside: str) -> list[Document]:
    """Of one function what Serving and net-istio make: the Service of its pods, and the local gateway's route there."""
    about = {"name": f"{FUNCTION}-private", "namespace": "wadi"}
    ports = [{"name": "http", "port": 80, "targetPort": REQUESTS},
             {"name": "http-autometric", "port": NUMBERS, "targetPort": NUMBERS},
             {"name": "http-queueadm", "port": DRAIN, "targetPort": DRAIN}]  # fmt: skip
    to = {"host": f"{about['name']}.wadi.svc.cluster.local", "port": {"number": 80}}
    return [
        *knative_names(inside, LOCAL),
        {"apiVersion": "v1", "kind": "Service", "metadata": about,
         "spec": {"ports": ports, "selector": {"serving.knative.dev/service": FUNCTION}}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": about | {"labels": {"kubernetes.io/service-name": about["name"]}}, "addressType": "IPv4",
         "ports": [{"name": "http", "port": REQUESTS}],
         "endpoints": [{"addresses": [inside], "conditions": {"ready": True}}]},
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": about,
         "spec": {"hosts": [HOST], "gateways": ["knative-serving/knative-local-gateway"],
                  "http": [{"route": [{"destination": to}], "retries": {"attempts": 0}}]}},
        # What istiod tells callers by itself of a pod that has a sidecar; here is no pod.
        {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": about,
         "spec": {"host": to["host"], "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}},
    ]  # fmt: skip


@contextmanager
def _redirected(plane: Plane) -> Iterator[None]:
    """What comes to the pod's ports comes to its sidecar; but for what the sidecar itself sends on, from 127.0.0.6."""
    inside, ports = plane.network.inside, f"{{ {REQUESTS}, {DRAIN}, {NUMBERS} }}"
    to_sidecar = f"ip daddr {inside} tcp dport {ports} redirect to :{INBOUND}"
    rules = f"""
        table ip sidecar {{
            chain from_elsewhere {{
                type nat hook prerouting priority dstnat; policy accept;
                {to_sidecar}
            }}
            chain from_here {{
                type nat hook output priority -100; policy accept;
                ip saddr != 127.0.0.6 {to_sidecar}
            }}
        }}
    """
    tree = node.packages()

    def nft(*arguments: str, said: str = "") -> None:
        command = [*plane.network.enter, str(tree / "usr" / "sbin" / "nft"), *arguments]
        subprocess.run(command, input=said, text=True, check=True, timeout=30, env=node.environment(tree))

    nft("-f", "-", said=rules)
    try:
        yield
    finally:
        nft("delete", "table", "ip", "sidecar")


@contextmanager
def _sidecar(mesh: Mesh, workload: Workload) -> Iterator[None]:
    server = istio.start_proxy(mesh.plane, workload, (INBOUND,), mesh.identities[workload.namespace])
    try:
        yield
    finally:
        server.stop()


@pytest.fixture(scope="class")
def function(mesh: Mesh) -> Iterator[None]:
    overlay = render(ROOT / "knative" / "overlays" / "production")
    [made] = [one for one in overlay if (one["kind"], one["metadata"]["name"]) == ("Service", FUNCTION)]
    labels = made["spec"]["template"]["metadata"]["labels"] | {"serving.knative.dev/service": FUNCTION}
    with _sidecar(mesh, Workload(FUNCTION, ITS_OWN, "caller", labels, "sidecar", admin=15200)):
        yield


@pytest.fixture(scope="class")
def activator(mesh: Mesh) -> Iterator[None]:
    with _sidecar(mesh, Workload("activator", KNATIVE, "caller", {"app": "activator"}, "sidecar", admin=15200)):
        yield


@pytest.mark.usefixtures("function")
class TestWayToAFunction:
    def test_a_request_from_outside_arrives(self, mesh: Mesh) -> None:
        trust = ssl.create_default_context(cafile=str(mesh.authority.file("ca.crt")))
        door = f"https://{mesh.plane.network.inside}:{HTTPS}"
        answer = httpx.post(f"{door}/api/auth/login", verify=trust, timeout=30)
        assert answer.status_code == 200, answer.text
        seen = answer.json()
        assert seen["authority"] == HOST
        # the sidecar says who has called, by the certificate
        assert "URI=spiffe://cluster.local/ns/istio-system/sa/caller" in seen["headers"]["x-forwarded-client-cert"]

    @pytest.mark.parametrize("caller", [OUTSIDE, EVENTS, KNATIVE])
    def test_the_local_gateway_takes_requests_and_events(self, mesh: Mesh, caller: str) -> None:
        assert mesh.ask(caller, LOCAL) == 200

    @pytest.mark.parametrize("caller", [ITS_OWN, STRANGER])
    def test_others_cannot_call_functions(self, mesh: Mesh, caller: str) -> None:
        assert mesh.ask(caller, LOCAL) == 403

    @pytest.mark.parametrize("caller", [WAY_IN, KNATIVE])
    def test_the_local_gateway_and_the_activator_reach_the_pod(self, mesh: Mesh, caller: str) -> None:
        assert mesh.ask(caller, REQUESTS) == 200

    @pytest.mark.parametrize("caller", [OUTSIDE, EVENTS, ITS_OWN, STRANGER])
    def test_others_do_not(self, mesh: Mesh, caller: str) -> None:
        assert mesh.ask(caller, REQUESTS) == 403

    @pytest.mark.parametrize("port", [LOCAL, REQUESTS])
    def test_nobody_does_without_saying_who(self, mesh: Mesh, port: int) -> None:
        _refused(mesh, port)

    def test_the_autoscaler_reads_its_numbers_and_nothing_else(self, mesh: Mesh) -> None:
        assert mesh.ask(None, NUMBERS, "/metrics") == 200
        assert mesh.ask(None, NUMBERS, "/metrics", "POST") == 403
        assert mesh.ask(None, NUMBERS, "/") == 403

    @pytest.mark.parametrize("caller", [WAY_IN, KNATIVE, STRANGER])
    def test_no_other_port_of_the_pod_is_open(self, mesh: Mesh, caller: str) -> None:
        # A sidecar that has not heard of the Service yet takes it for no HTTP, and ends the connection.
        with suppress(OSError, http.client.HTTPException):
            assert mesh.ask(caller, DRAIN) == 403


@pytest.mark.usefixtures("activator")
class TestActivator:
    """Whoever reaches it reaches every function of the cluster."""

    @pytest.mark.parametrize(("caller", "status"), [(WAY_IN, 200), (KNATIVE, 200), (OUTSIDE, 403), (STRANGER, 403)])
    def test_requests_come_from_the_local_gateway(self, mesh: Mesh, caller: str, status: int) -> None:
        assert mesh.ask(caller, REQUESTS) == status

    def test_nobody_does_without_saying_who(self, mesh: Mesh) -> None:
        _refused(mesh, REQUESTS)

    def test_its_numbers_and_probes_are_open(self, mesh: Mesh) -> None:
        assert mesh.ask(None, NUMBERS, "/metrics") == 200


def _refused(mesh: Mesh, port: int) -> None:
    """In plain text, and by TLS without a certificate: the connection ends without an answer."""
    anonymous = ssl._create_unverified_context()
    anonymous.set_alpn_protocols(istio_identity.PROTOCOLS)
    for shown in (None, anonymous):
        with pytest.raises((OSError, http.client.HTTPException)):
            mesh.status(shown, port)
