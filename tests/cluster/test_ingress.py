"""The stand-in for Knative's ingress and Istio's gateway, on Ingresses and VirtualServices of a real API server."""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from deploy.overlays import ROOT
from local import manifests
from tests.cluster.echo import Echo, echo, service
from tests.patience import until
from tools.cluster import ingress as ingresses
from tools.cluster.crds import Document
from tools.cluster.ingress import CLASS, DOMAIN, Ingress
from tools.cluster.plane import Plane

SPACE = "ingress-test"
HOST = "shop.wadi.test"
LOCAL = f"shop.{SPACE}.svc.cluster.local"


@pytest.fixture(scope="module")
def ingress(plane: Plane) -> Iterator[Ingress]:
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SPACE, "wadi")]
    plane.apply(spaces)
    try:
        yield ingresses.start(plane)
    finally:
        ingresses.stop(plane)


@pytest.fixture(scope="module")
def pods(plane: Plane) -> Iterator[dict[str, Echo]]:
    """Two revisions, each with a Service."""
    host = plane.network.host
    with echo(host, "one") as one, echo(host, "two") as two:
        for server in (one, two):
            plane.apply(service(SPACE, server.name, host, server.port))
        yield {"one": one, "two": two}


def split(name: str, percent: int = 100, **headers: str) -> dict[str, Any]:
    to = {"serviceNamespace": SPACE, "serviceName": name, "servicePort": 80}
    return to | {"percent": percent, "appendHeaders": headers}


def path(*splits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"splits": list(splits)} | more


def kingress(
    name: str, hosts: dict[str, str], *paths: dict[str, Any], its: str = CLASS, where: str = SPACE, **spec: Any
) -> Document:
    """`hosts`: visibility by host."""
    rules = [{"hosts": [host], "visibility": seen, "http": {"paths": list(paths)}} for host, seen in hosts.items()]
    return {
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "Ingress",
        "metadata": {
            "name": name, "namespace": where, "annotations": {"networking.knative.dev/ingress.class": its}
        },
        "spec": {"rules": rules, "httpOption": "Enabled"} | spec,
    }  # fmt: skip


def conditions(plane: Plane, name: str) -> dict[str, Any]:
    """Of the Ingress as it is now: what is said of an earlier generation does not count."""
    found = plane.get("kingress", name, namespace=SPACE)
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return {}
    return {one["type"]: one for one in status["conditions"]}


def taken(plane: Plane, document: Document) -> None:
    plane.apply([document])
    name = document["metadata"]["name"]
    until(
        lambda: conditions(plane, name).get("Ready", {}).get("status") == "True",
        lambda: f"{name} is ready, not {conditions(plane, name)}",
    )


def ask(at: Ingress, host: str, where: str = "/", method: str = "GET", **more: Any) -> httpx.Response:
    headers = more.pop("headers", {}) | {"Host": host}
    return httpx.request(method, f"{at.url}{where}", headers=headers, timeout=30, **more)


def ask_inside(at: Ingress, host: str) -> httpx.Response:
    return httpx.get(f"http://{at.internal}/", headers={"Host": host}, timeout=30)


def test_an_ingress_gets_ready_and_serves_its_hosts_to_whom_they_are_for(
    plane: Plane, ingress: Ingress, pods: dict[str, Echo]
) -> None:
    taken(plane, kingress("shop", {HOST: "ExternalIP", LOCAL: "ClusterLocal"}, path(split("one"))))
    status = plane.get("kingress", "shop", namespace=SPACE)["status"]
    for side in ("publicLoadBalancer", "privateLoadBalancer"):
        assert status[side] == {"ingress": [{"domainInternal": DOMAIN}]}

    answer = ask(ingress, HOST, "/a%2Fb/?c=%20d", "POST", content=b"hello").json()
    assert (answer["name"], answer["path"], answer["body"]) == ("one", "/a%2Fb/?c=%20d", "hello")
    assert answer["headers"]["Host"] == answer["headers"]["X-Forwarded-Host"] == HOST
    assert answer["headers"]["X-Envoy-External-Address"] == answer["headers"]["X-Forwarded-For"] == plane.network.host
    for host in (LOCAL, f"shop.{SPACE}", f"shop.{SPACE}.svc", HOST):
        assert ask_inside(ingress, host).json()["name"] == "one"
    assert ask(ingress, LOCAL).status_code == 404
    assert ask(ingress, "nobody.wadi.test").status_code == 404

    plane.kubectl("delete", "kingress", "shop", namespace=SPACE)
    until(lambda: ask(ingress, HOST).status_code == 404)


def test_what_a_client_says_of_itself_is_not_believed(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    taken(plane, kingress("forged", {"forged.test": "ExternalIP"}, path(split("one"))))
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Envoy-External-Address": "1.2.3.4", "X-Forwarded-Host": "evil.test"}
    headers = ask(ingress, "forged.test", headers=forged).json()["headers"]
    assert headers["X-Envoy-External-Address"] == plane.network.host
    assert headers["X-Forwarded-For"] == f"1.2.3.4, {plane.network.host}"
    assert headers["X-Forwarded-Host"] == "forged.test"


def test_an_ingress_of_another_class_is_left_alone(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    plane.apply([kingress("foreign", {"foreign.test": "ExternalIP"}, path(split("one")), its="istio.other")])
    taken(plane, kingress("later", {"later.test": "ExternalIP"}, path(split("one"))))
    assert ask(ingress, "foreign.test").status_code == 404
    assert "status" not in plane.get("kingress", "foreign", namespace=SPACE)


def test_traffic_is_split_by_percentages(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    both = path(
        split("one", 80, **{"Knative-Serving-Revision": "one"}), split("two", 20, **{"Knative-Serving-Revision": "two"})
    )
    taken(plane, kingress("split", {"split.test": "ExternalIP"}, both))
    with httpx.Client(
        base_url=ingress.url, headers={"Host": "split.test", "Knative-Serving-Revision": "mine"}
    ) as client:
        answers = [client.get("/").json() for _ in range(300)]
    assert all(one["headers"]["Knative-Serving-Revision"] == one["name"] for one in answers)
    second = sum(one["name"] == "two" for one in answers)
    assert 20 <= second <= 110  # six standard deviations around 60

    taken(plane, kingress("split", {"split.test": "ExternalIP"}, path(split("one", 0), split("two", 100))))
    assert {ask(ingress, "split.test").json()["name"] for _ in range(20)} == {"two"}


def test_a_header_or_a_path_leads_elsewhere(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    tagged = path(split("two"), headers={"Knative-Serving-Tag": {"exact": "canary"}}, appendHeaders={"Said": "yes"})
    below = path(split("two"), path="/two")
    taken(plane, kingress("tags", {"tags.test": "ExternalIP"}, tagged, below, path(split("one"))))
    assert ask(ingress, "tags.test").json()["name"] == "one"
    assert ask(ingress, "tags.test", headers={"Knative-Serving-Tag": "other"}).json()["name"] == "one"
    canary = ask(ingress, "tags.test", headers={"Knative-Serving-Tag": "canary"}).json()
    assert (canary["name"], canary["headers"]["Said"]) == ("two", "yes")
    assert ask(ingress, "tags.test", "/two/a").json()["name"] == "two"


def test_knatives_probe_is_told_which_version_is_served(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    probe = {"K-Network-Probe": "probe", "K-Network-Hash": "override"}

    def version() -> str:
        return ask(ingress, "probed.test", "/healthz", headers=probe).headers["K-Network-Hash"]

    taken(plane, kingress("probed", {"probed.test": "ExternalIP"}, path(split("one"))))
    first = version()
    assert re.fullmatch(r"[0-9a-f]{64}", first)
    assert version() == first
    taken(plane, kingress("probed", {"probed.test": "ExternalIP"}, path(split("two"))))
    assert version() != first
    assert "K-Network-Hash" not in ask(ingress, "probed.test").json()["headers"]


def test_an_ingress_waits_for_the_services_that_it_names(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    plane.apply([kingress("early", {"early.test": "ExternalIP"}, path(split("not-yet")))])
    said = until(lambda: conditions(plane, "early").get("Ready"))
    assert (said["status"], said["reason"]) == ("Unknown", "BackendUnknown")
    assert '"not-yet" not found' in said["message"]
    plane.apply(service(SPACE, "not-yet", plane.network.host, pods["one"].port))
    until(lambda: conditions(plane, "early")["Ready"]["status"] == "True")
    assert ask(ingress, "early.test").json()["name"] == "one"


def test_tls_is_refused_in_the_status_and_not_left_out(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    plane.apply([kingress("secret", {"secret.test": "ExternalIP"}, path(split("one")), httpOption="Redirected")])
    said = until(lambda: conditions(plane, "secret").get("Ready"))
    assert (said["status"], said["reason"]) == ("False", "NotSupported")


def test_without_a_pod_503_and_a_pod_that_is_gone_is_passed_over(
    plane: Plane, ingress: Ingress, pods: dict[str, Echo]
) -> None:
    host = plane.network.host
    with socket.create_server((host, 0)) as taken_port:
        gone = taken_port.getsockname()[1]
    plane.apply(service(SPACE, "empty", host))
    plane.apply(service(SPACE, "half", host, gone, pods["one"].port))
    taken(plane, kingress("empty", {"empty.test": "ExternalIP"}, path(split("empty"))))
    taken(plane, kingress("half", {"half.test": "ExternalIP"}, path(split("half"))))
    assert ask(ingress, "empty.test").status_code == 503
    assert [ask(ingress, "half.test", "/", "POST", content=b"once").status_code for _ in range(20)] == [200] * 20


def test_pieces_come_through_as_they_are_sent(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    pod = pods["one"]
    taken(plane, kingress("pieces", {"pieces.test": "ExternalIP"}, path(split("one"))))
    with httpx.stream("GET", f"{ingress.url}/pieces", headers={"Host": "pieces.test"}, timeout=30) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        pod.may_go_on.set()
        assert [line for line in lines if line] == ["data: second"]

    pod.first_piece.clear()
    size = 64 * 2**20

    def body() -> Iterator[bytes]:
        yield b"x" * 2**20
        assert pod.first_piece.wait(30)  # it is there before the last has left us
        for _ in range(63):
            yield b"x" * 2**20

    assert ask(ingress, "pieces.test", "/up", "PUT", content=body()).json()["size"] == size


def test_http_2_without_tls_on_both_sides(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    host, _, port = ingress.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(preface + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))  # and our empty SETTINGS
        assert connection.recv(9)[3] == 4  # theirs

    with socket.create_server((plane.network.host, 0)) as pod:
        pod.settimeout(30)
        plane.apply(service(SPACE, "h2c", plane.network.host, pod.getsockname()[1], port_name="http2"))
        taken(plane, kingress("h2c", {"h2c.test": "ExternalIP"}, path(split("h2c"))))
        asking = threading.Thread(target=ask, args=(ingress, "h2c.test"))
        asking.start()
        with pod.accept()[0] as came:
            came.settimeout(30)
            assert came.recv(len(preface)) == preface
        asking.join()


@pytest.fixture(scope="module")
def routed(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> manifests.Manifests:
    """The project's route table, and each of its functions with a cluster-local Ingress, as Knative would have it."""
    read = manifests.read(ROOT)
    hosts = {f"{one.service}.wadi.svc.cluster.local": "ClusterLocal" for one in read.routes}
    taken(plane, kingress("functions", hosts, path(split("one"))))
    plane.apply(yaml.safe_load_all((ROOT / "istio" / "routes.yaml").read_text()))
    until(lambda: ask(ingress, "any", "/.well-known/jwks.json").status_code == 200)
    return read


def test_every_route_leads_where_the_local_gateway_would_lead_it(ingress: Ingress, routed: manifests.Manifests) -> None:
    seen = set()
    for route in routed.routes:
        for match in route.match:
            assert match.uri
            assert match.method
            where = match.uri.exact or match.uri.prefix or (match.uri.regex or "").replace("[^/]+", "x-1")
            assert "(" not in where
            for method in (match.method.exact or match.method.regex or "").split("|"):
                if method == "HEAD":
                    continue  # has no body that would say where it came
                expected = next(one.service for one in routed.routes if one.matching(method, where, {}))
                answer = ask(ingress, "wadi.test", f"{where}?q=1", method).json()
                assert answer["headers"]["Host"] == f"{expected}.wadi.svc.cluster.local"
                assert (answer["path"], answer["headers"]["X-Forwarded-Host"]) == (f"{where}?q=1", "wadi.test")
                seen.add(expected)
    assert seen == {route.service for route in routed.routes}


@pytest.mark.parametrize(
    ("method", "where"),
    [("PUT", "/api/auth/login"), ("GET", "/api/auth/login/x"), ("GET", "/"), ("GET", "/api/auth/login")],
)
def test_what_has_no_route_is_not_found(ingress: Ingress, routed: manifests.Manifests, method: str, where: str) -> None:
    assert ask(ingress, "wadi.test", where, method).status_code == 404


def test_dots_in_a_path_do_not_lead_around_the_table(ingress: Ingress, routed: manifests.Manifests) -> None:
    host, _, port = ingress.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /x/../api/auth/./login HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'"path": "/api/auth/login"' in said


def test_a_browser_is_answered_by_the_corspolicy(ingress: Ingress, routed: manifests.Manifests) -> None:
    origin = {"Origin": "https://app.test"}
    asked = origin | {"Access-Control-Request-Method": "POST"}
    preflight = ask(ingress, "wadi.test", "/api/auth/login", "OPTIONS", headers=asked)
    assert (preflight.status_code, preflight.content) == (200, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.test"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"].split(",")
    assert preflight.headers["Access-Control-Max-Age"] == "86400"
    answer = ask(ingress, "wadi.test", "/api/auth/login", "POST", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.test"
    assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in ask(ingress, "wadi.test", "/api/auth/login", "POST").headers


def table(name: str, *routes: dict[str, Any]) -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"hosts": ["*"], "http": list(routes)},
    }


def leads(prefix: str, to: str, **more: Any) -> dict[str, Any]:
    destination = {"host": f"{to}.{SPACE}.svc.cluster.local", "port": {"number": 80}}
    return {"match": [{"uri": {"prefix": prefix}}], "route": [{"destination": destination}]} | more


def test_an_ordinary_service_a_rewrite_and_a_timeout(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    pod = pods["two"]
    changes = {"response": {"set": {"X-Said": "yes"}, "remove": ["Server"]}, "request": {"set": {"X-Asked": "yes"}}}
    plane.apply(
        [
            table(
                "ordinary",
                leads("/old/", "two", rewrite={"uri": "/new/"}, headers=changes),
                leads("/late", "two", timeout="0.2s"),
            )
        ]
    )
    answer = until(lambda: (found := ask(ingress, "a.test", "/old/page")).status_code == 200 and found)
    said = answer.json()
    assert (said["name"], said["path"], said["headers"]["X-Asked"]) == ("two", "/new/page", "yes")
    assert (answer.headers["X-Said"], "Server" in answer.headers) == ("yes", False)
    pod.may_go_on.clear()
    assert ask(ingress, "a.test", "/late").status_code == 504
    pod.may_go_on.set()


def test_half_of_a_route_is_not_served(plane: Plane, ingress: Ingress, pods: dict[str, Echo]) -> None:
    mirror = {"host": f"two.{SPACE}.svc.cluster.local"}
    plane.apply([table("a-half", leads("/half", "two", mirror=mirror)), table("b-whole", leads("/whole", "two"))])
    until(lambda: ask(ingress, "a.test", "/whole").status_code == 200)
    assert ask(ingress, "a.test", "/half").status_code == 404
    log = (ingress.server.folder / "log").read_text()
    assert f'VirtualService {SPACE}/a-half is not served: json: unknown field "mirror"' in log
