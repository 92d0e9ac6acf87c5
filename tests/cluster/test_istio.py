"""The gateway in front of the functions: real requests through Envoy, which has its configuration from a real istiod.

istiod reads istio/ from a real API server, as it is. Knative's local gateway and the functions behind it are one server
that tells what has come to it. Mutual TLS and what istio/mesh allows: test_istio_mesh.py.
"""

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, ClassVar, NamedTuple

import httpx
import pytest
import yaml

from deploy.overlays import ROOT
from shared.errors import PROBLEMS
from shared.identity import Role, issue_access_token
from tests.cluster.functions_stand_in import FAILS, Functions, functions
from tests.cluster.knative_names import knative_names, namespace, tls_secret
from tests.patience import until
from tools.backends.cache import BackendError
from tools.backends.server import Server
from tools.cluster import istio
from tools.cluster.certificates import Authority
from tools.cluster.kustomize import render
from tools.cluster.plane import Plane
from tools.generate.capabilities import http_capabilities

NAME = "video.example.com"
HTTP, HTTPS, KEYS = 8080, 8443, 8090
CAPABILITIES = {one.name.replace("_", "-"): one for one in http_capabilities()}
LIMIT = 1024 * 1024


class Door(NamedTuple):
    client: httpx.Client  # for https
    address: str
    behind: Functions
    plane: Plane
    authority: Authority
    gateway: Server

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.file("ca.crt")))

    def another(self) -> httpx.Client:
        """With connections of its own."""
        return httpx.Client(base_url=self.client.base_url, verify=self.trust(), timeout=30)


@pytest.fixture(scope="module")
def jwt_secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JWT_SECRET", "of the tests of the gateway, with more than 32 characters")
        yield


@pytest.fixture(scope="module")
def door(plane: Plane, jwt_secret: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    try:
        with istio.apart(plane) as mesh, functions(mesh.network.host) as behind:
            inside = mesh.network.inside
            authority = Authority.create(tmp_path_factory.mktemp("certificates"))
            authority.server("wadi-tls", [inside], [NAME])
            documents = render(ROOT / "istio")
            spaces = [namespace(name) for name in ("wadi", "istio-system", "wadi-ingress")]
            plane.apply(spaces, "--field-manager=wadi-istio-tests")  # leaves what others have said of them
            names = knative_names(mesh.network.host, behind.port, speaks="http")
            plane.apply([*documents, *names, tls_secret(authority, "wadi-tls")])
            pods = next(one for one in documents if one["kind"] == "Deployment")["spec"]["template"]
            workload = istio.Workload(
                "wadi-gateway", "wadi-ingress", pods["spec"]["serviceAccountName"], pods["metadata"]["labels"]
            )
            istio.start_control(mesh, {"wadi-keys.wadi-ingress.svc.cluster.local": inside})
            gateway = istio.start_proxy(mesh, workload, (HTTP, HTTPS, KEYS))
            trust = ssl.create_default_context(cafile=str(authority.file("ca.crt")))
            with httpx.Client(base_url=f"https://{inside}:{HTTPS}", verify=trust, timeout=30) as client:
                door = Door(client, inside, behind, mesh, authority, gateway)
                until(
                    lambda: _asked_anew(door, headers=bearer(token())) == 200,
                    "istiod fetches the keys of tokens through the gateway",
                )
                yield door
    except BackendError as error:
        pytest.fail(str(error))


def _asked_anew(door: Door, **request: Any) -> int | None:
    """The status, by a new connection: the gateway ends those of a configuration that has changed, as this one may."""
    with door.another() as client, suppress(httpx.TransportError):
        return client.get("/api/videos", **request).status_code
    return None


def token(**claims: Any) -> str:
    return issue_access_token("0198c0de-0000-7000-8000-000000000001", Role.USER, **claims)[0]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def path(name: str) -> str:
    filled = {
        "{id}": "0198c0de-0000-7000-8000-000000000002",
        "{name}": "master.m3u8",
        "{grant}": "0198c0de.1790000000.abc",
        "{file}": "1080p.12.m4s",
    }
    template = CAPABILITIES[name].route.template
    for placeholder, value in filled.items():
        template = template.replace(placeholder, value)
    return template


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["title"], body["status"]) == (f"/problems/{slug}", PROBLEMS[slug].title, status)
    return body


@pytest.mark.parametrize("name", CAPABILITIES)
def test_every_route_leads_to_its_function(door: Door, name: str) -> None:
    answer = door.client.request(CAPABILITIES[name].route.method, f"{path(name)}?q=a%2Fb")
    assert answer.status_code == 200, answer.text
    if name == "jwks":
        assert answer.json()["keys"]
        return
    seen = answer.json()
    assert seen["authority"] == f"{name}.wadi.svc.cluster.local"  # by which Knative knows the service
    assert (seen["method"], seen["target"]) == (CAPABILITIES[name].route.method, f"{path(name)}?q=a%2Fb")


def test_a_route_of_get_takes_head_too(door: Door) -> None:
    assert door.client.head("/api/videos").status_code == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/api"),
        ("GET", "/api/videos/"),
        ("GET", "/api/videosx"),
        ("GET", "/api/videos/1/manifest"),
        ("GET", "/api/videos/1/2"),
        ("PUT", "/api/videos"),
        ("GET", "/api/auth/login"),
        ("DELETE", "/api/uploads"),
        ("GET", "/metrics"),
        ("GET", "/health"),
    ],
)
def test_what_has_no_route_is_not_found(door: Door, method: str, target: str) -> None:
    problem(door.client.request(method, target), 404, "not-found")


def test_events_cannot_be_sent_from_outside(door: Door) -> None:
    """A function of events takes them at "/": no route leads there, by no name."""
    host = {"Host": "transcode-segment.wadi.svc.cluster.local"}
    problem(door.client.post("/", headers={**host, "ce-type": "wadi.segment.planned"}), 404, "not-found")


@pytest.mark.parametrize("host", ["wadi-keys.wadi-ingress.svc.cluster.local", "login.wadi.svc.cluster.local", NAME])
def test_the_inner_door_has_nothing_but_the_keys(door: Door, host: str) -> None:
    """It has no limits of rates, and no certificate."""
    inner = f"http://{door.address}:{KEYS}"
    for target in ("/api/videos", "/", "/.well-known/jwks.json/x"):
        assert httpx.get(inner + target, headers={"Host": host}).status_code == 404
    keys = httpx.get(f"{inner}/.well-known/jwks.json", headers={"Host": host})
    assert keys.status_code == (200 if host.startswith("wadi-keys") else 404)


def test_plain_http_is_led_to_https(door: Door) -> None:
    answer = httpx.get(f"http://{door.address}:{HTTP}/api/videos?x=1", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{NAME}/api/videos?x=1")


@pytest.mark.parametrize(("version", "taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_from_1_2(door: Door, version: str, taken: bool) -> None:
    context = door.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")  # this side would take it
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what is out of use is what is asked for
        context.maximum_version = ssl.TLSVersion[version]
    with socket.create_connection((door.address, HTTPS), timeout=10) as plain:
        if not taken:
            with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
                context.wrap_socket(plain, server_hostname=NAME)
            return
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            assert connection.version() == version.replace("_", ".")


def test_a_renewed_certificate_is_taken_without_a_restart(door: Door) -> None:
    door.authority.server("renewed", [door.address], [NAME])
    door.plane.apply([tls_secret(door.authority, "renewed")])
    wanted = ssl.PEM_cert_to_DER_cert(door.authority.file("renewed.crt").read_text())

    def shown() -> bytes | None:
        with (
            socket.create_connection((door.address, HTTPS), timeout=10) as plain,
            door.trust().wrap_socket(plain, server_hostname=NAME) as connection,
        ):
            return connection.getpeercert(binary_form=True)

    until(lambda: shown() == wanted, "the gateway shows the renewed certificate")


def test_a_function_learns_who_the_client_is(door: Door) -> None:
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Wadi-Client": "192.0.2.1", "X-Forwarded-Host": "evil.example"}
    headers = door.client.get("/api/videos", headers={**forged, "Host": NAME}).json()["headers"]
    assert headers["x-wadi-client"] == door.plane.network.host  # this side of the cable
    assert headers["x-forwarded-host"] == NAME
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-request-id"]


class TestTokens:
    def test_without_one_a_request_passes(self, door: Door) -> None:
        assert door.client.get("/api/videos").status_code == 200
        # what it needs, and from whom, is for the function to say
        assert door.client.get("/api/auth/me").status_code == 200

    def test_a_good_one_passes_and_arrives(self, door: Door) -> None:
        sent = bearer(token())
        assert door.client.get("/api/auth/me", headers=sent).json()["headers"]["authorization"] == sent["Authorization"]

    def test_so_does_one_in_the_url(self, door: Door) -> None:
        target = f"{path('manifest')}?token={token()}"
        assert door.client.get(target).json()["target"] == target

    @pytest.mark.parametrize("bad", ["expired", "foreign", "changed", "nonsense", "unsigned", "of another issuer"])
    def test_a_bad_one_is_refused_before_a_function_wakes(self, door: Door, bad: str) -> None:
        text = _bad(bad)
        for target, headers in (("/api/auth/me", bearer(text)), (f"{path('manifest')}?token={text}", {})):
            name = str(uuid.uuid4())
            answer = door.client.get(target, headers={**headers, "x-test-id": name})
            problem(answer, 401, "not-authenticated")
            assert "invalid_token" in answer.headers["www-authenticate"]
            assert door.behind.times(name) == 0

    def test_a_page_of_another_origin_can_read_that_it_is(self, door: Door) -> None:
        origin = {"Origin": "https://player.example"}
        answer = door.client.get("/api/auth/me", headers={**origin, **bearer(_bad("expired"))})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "https://player.example"


def _bad(kind: str) -> str:
    good = token()
    head, claims, signature = good.split(".")
    match kind:
        case "expired":
            return token(now=time.time() - 25 * 3600)
        case "foreign":
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("JWT_SECRET", "of somebody else, who has some more than 32 characters")
                return token()
        case "changed":
            return f"{head}.{token(now=time.time() - 5).split('.')[1]}.{signature}"
        case "unsigned":
            return f"eyJhbGciOiJub25lIn0.{claims}."
        case "of another issuer":
            import jwt

            from shared.identity.keys import signing_keys

            key = signing_keys()[0]
            told = {"iss": "elsewhere", "aud": "wadi", "sub": "x", "exp": int(time.time()) + 60}
            return jwt.encode(told, key.private, algorithm="EdDSA", headers={"kid": key.kid})
        case _:
            return "nonsense"


class TestOrigins:
    @pytest.mark.parametrize("name", ["login", "get-video", "delete-video", "upload-video"])
    def test_a_preflight_is_answered_by_the_gateway(self, door: Door, name: str) -> None:
        asked = {
            "Origin": "https://player.example",
            "Access-Control-Request-Method": CAPABILITIES[name].route.method,
            "Access-Control-Request-Headers": "authorization",
            "x-test-id": (mark := str(uuid.uuid4())),
        }
        answer = door.client.options(path(name), headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://player.example"
        assert CAPABILITIES[name].route.method in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert door.behind.times(mark) == 0

    def test_an_answer_may_be_read_without_cookies(self, door: Door) -> None:
        answer = door.client.get("/api/videos", headers={"Origin": "https://player.example"})
        assert answer.headers["access-control-allow-origin"] == "https://player.example"
        assert "access-control-allow-credentials" not in answer.headers
        assert "retry-after" in answer.headers["access-control-expose-headers"]


class TestHeaders:
    WANTED: ClassVar = {
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }

    @pytest.mark.parametrize("target", ["/api/videos", "/nothing", "/api/auth/me?token=bad"])
    def test_every_answer_has_them_whoever_gives_it(self, door: Door, target: str) -> None:
        answer = door.client.get(target)
        assert {name: answer.headers.get(name) for name in self.WANTED} == self.WANTED

    def test_a_page_brings_its_own_policy(self, door: Door) -> None:
        own = {"content-security-policy": "default-src 'self'", "referrer-policy": "same-origin"}
        answer = door.client.get("/api/videos", headers={f"x-test-{name}": value for name, value in own.items()})
        assert {name: answer.headers.get_list(name) for name in own} == {name: [value] for name, value in own.items()}


class TestSizes:
    def test_a_body_up_to_the_limit_passes(self, door: Door) -> None:
        assert door.client.post("/api/uploads", content=bytes(LIMIT)).json()["size"] == LIMIT

    @pytest.mark.parametrize("announced", [True, False])
    def test_a_larger_one_is_refused_before_a_function_wakes(self, door: Door, announced: bool) -> None:
        name = str(uuid.uuid4())
        body = bytes(LIMIT + 1)
        content = body if announced else iter([body[: LIMIT // 2], body[LIMIT // 2 :]])
        problem(door.client.post("/api/uploads", content=content, headers={"x-test-id": name}), 413, "too-large")
        assert door.behind.times(name) == 0

    def test_files_pass_as_streams(self, door: Door) -> None:
        streamed = [name for name, one in CAPABILITIES.items() if one.raw_body]
        assert streamed
        for name in streamed:
            assert door.client.post(path(name), content=bytes(5 * LIMIT)).json()["size"] == 5 * LIMIT

    def test_a_function_is_not_kept_waiting_for_a_body(self, door: Door) -> None:
        with _half_sent(door, "/api/uploads") as name:
            # The gateway has it, and had time to hand it on.
            assert door.client.get("/api/videos").status_code == 200
            assert door.behind.times(name) == 0
        assert door.behind.times(name) == 1

    def test_a_file_reaches_its_function_as_it_comes(self, door: Door) -> None:
        with _half_sent(door, path("upload-video")) as name:
            until(lambda: door.behind.times(name) == 1, "a stream begins at the function before it has ended")


@contextmanager
def _half_sent(door: Door, target: str) -> Iterator[str]:
    """A request that the gateway has got half of; the rest follows at the end. Its name."""
    name, rest = str(uuid.uuid4()), threading.Event()
    answers: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield b"{"
        rest.wait(120)  # longer than any of the tests waits for it to be needless
        yield b"}"

    def send() -> None:
        with door.another() as client:
            answers.append(client.post(target, content=slowly(), headers={"x-test-id": name}).status_code)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        until(lambda: _active(door) == 1, "the gateway has the beginning of a request")
        yield name
    finally:
        rest.set()
        sending.join()
    assert answers == [200]


def _active(door: Door) -> int:
    """Requests that the gateway is busy with."""
    told = httpx.get(f"{door.gateway.address}/stats?filter={HTTPS};?.downstream_rq_active").text
    return sum(int(line.rpartition(":")[2]) for line in told.splitlines())


class TestFailures:
    @pytest.mark.parametrize("method", ["POST", "GET"])
    @pytest.mark.parametrize(("fails", "status"), [("503", 503), ("break", 503), ("garbage", 502)])
    def test_the_gateway_does_not_try_again(self, door: Door, method: str, fails: str, status: int) -> None:
        name = str(uuid.uuid4())
        answer = door.client.request(method, "/api/videos" if method == "GET" else "/api/uploads",
                                     headers={"x-test-id": name, FAILS: fails})  # fmt: skip
        assert answer.status_code == status
        assert door.behind.times(name) == 1

    def test_a_broken_connection_is_told_as_a_problem(self, door: Door) -> None:
        problem(door.client.post("/api/uploads", headers={FAILS: "break"}), 503, "unavailable")
        problem(door.client.post("/api/uploads", headers={FAILS: "garbage"}), 502, "bad-gateway")

    def test_what_a_function_answers_is_left_as_it_is(self, door: Door) -> None:
        answer = door.client.post("/api/uploads", headers={FAILS: "404"})
        assert (answer.status_code, answer.json()["method"]) == (404, "POST")


class TestRates:
    """The buckets of istio/limits.yaml, but with one token more in a day: how fast this machine is plays no part."""

    def test_an_address_can_try_so_many_logins(self, door: Door) -> None:
        name = str(uuid.uuid4())
        headers = {"x-test-id": name, "Origin": "https://player.example"}
        with _hardly_filled(door) as client:
            answers = [client.post("/api/auth/login", headers=headers) for _ in range(61)]
            assert [one.status_code for one in answers] == [200] * 60 + [429]
            refused = answers[-1]
            problem(refused, 429, "too-many-requests")
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["access-control-allow-origin"] == "https://player.example"
            assert door.behind.times(name) == 60  # a refused one wakes nothing
            assert client.post("/api/auth/register").status_code == 429  # they are counted together
            assert client.get("/api/videos").status_code == 200  # the rest is not meant
            assert _answers(door, "127.0.0.2", "/api/auth/me", 1) == {200: 1}  # nor is another address

    def test_an_address_can_ask_so_much(self, door: Door) -> None:
        with _hardly_filled(door):
            assert _answers(door, "127.0.0.3", "/api/videos", 201) == {200: 200, 429: 1}
            assert _answers(door, "127.0.0.4", "/api/videos", 1) == {200: 1}

    def test_all_together_can_ask_so_much(self, door: Door) -> None:
        with _hardly_filled(door) as client:
            assert client.get("/api/videos").status_code == 200
            many = [_answers(door, f"127.0.1.{last}", "/api/videos", 200) for last in range(1, 11)]
            assert many[:9] == [{200: 200}] * 9
            assert many[9].keys() == {200, 429}  # so many addresses, each with as much as it may
            assert client.get("/api/videos").status_code == 429


@contextmanager
def _hardly_filled(door: Door) -> Iterator[httpx.Client]:
    """Full buckets that get next to nothing more, as long as it lasts. The client's one connection has them already."""
    [right] = [one for one in render(ROOT / "istio") if one["metadata"]["name"] == "wadi-limits"]
    slow = re.sub(r"fill_interval: \S+", "fill_interval: 86400s", yaml.safe_dump(right))
    slow = yaml.safe_load(re.sub(r"tokens_per_fill: \S+", "tokens_per_fill: 1", slow))
    for patch in slow["spec"]["configPatches"]:
        if patch["patch"]["value"].get("name") == "envoy.filters.http.local_ratelimit":
            # so that answers tell what is left: by that they are known to be of these buckets
            patch["patch"]["value"]["typed_config"]["enable_x_ratelimit_headers"] = "DRAFT_VERSION_03"
    client = door.client
    with ExitStack() as clients:

        def tells() -> bool | None:
            nonlocal client
            client = clients.enter_context(door.another())  # a connection keeps the configuration that it began with
            with suppress(httpx.TransportError):
                return "x-ratelimit-limit" in client.get("/api/videos").headers
            return None

        door.plane.apply([slow])
        try:
            until(lambda: tells() is True, "the gateway has the buckets")
            yield client
        finally:
            door.plane.apply([right])
            until(lambda: tells() is False, "the gateway has its own buckets again")


def _answers(door: Door, address: str, target: str, times: int) -> dict[int, int]:
    """How many answers of each status that address gets: one of this machine's own, inside the cluster's network."""
    script = (
        "import collections, http.client, json, ssl, sys\n"
        "address, target, times, port, authority = sys.argv[1:]\n"
        "context = ssl.create_default_context(cafile=authority)\n"
        "context.check_hostname = False\n"
        "client = http.client.HTTPSConnection('127.0.0.1', int(port), source_address=(address, 0), context=context)\n"
        "seen = collections.Counter()\n"
        "for _ in range(int(times)):\n"
        "    client.request('GET', target)\n"
        "    answer = client.getresponse()\n"
        "    answer.read()\n"
        "    seen[answer.status] += 1\n"
        "print(json.dumps(seen))\n"
    )
    arguments = [address, target, str(times), str(HTTPS), str(door.authority.file("ca.crt"))]
    command = [*door.plane.network.enter, sys.executable, "-c", script, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return {int(status): count for status, count in json.loads(told).items()}
