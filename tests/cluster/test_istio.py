"""The gateway in front of the functions: real requests through Envoy, which has its configuration from a real istiod.

istiod reads istio/ from a real API server, as it is. Knative's local gateway and the functions behind it are one server
that tells what has come to it. What this does not show: mTLS, sidecars, and what istio/mesh allows.
"""

import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import httpx
import pytest

from backends.cache import BackendError
from cluster import istio
from cluster.certificates import Authority
from cluster.crds import Document
from cluster.kustomize import render
from cluster.overlays import ROOT
from cluster.plane import Plane
from generate.capabilities import http_capabilities
from shared.errors import PROBLEMS
from shared.identity import Role, issue_access_token
from tests.cluster.functions_stand_in import FAILS, Functions, functions
from tests.cluster.knative_names import knative_names, namespace

NAME = "video.example.com"
HTTP, HTTPS, KEYS = 8080, 8443, 8090
CAPABILITIES = {one.name.replace("_", "-"): one for one in http_capabilities()}
LIMIT = 1024 * 1024


class Door(NamedTuple):
    client: httpx.Client  # for https
    address: str
    behind: Functions
    plane: Plane
    authority: Path


@pytest.fixture(scope="module")
def jwt_secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JWT_SECRET", "of the tests of the gateway, with more than 32 characters")
        yield


@pytest.fixture(scope="module")
def door(plane: Plane, jwt_secret: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority.create(folder)
    authority.server("wadi-tls", [plane.network.inside], [NAME])
    inside = plane.network.inside
    with functions(plane.network.host) as behind:
        try:
            documents = render(ROOT / "istio")
            spaces = [namespace(name) for name in ("wadi", "istio-system", "wadi-ingress")]
            plane.apply(spaces, "--field-manager=wadi-istio-tests")  # leaves what others have said of them
            plane.apply([*documents, *knative_names(plane.network.host, behind.port), _certificate(folder)])
            pods = next(one for one in documents if one["kind"] == "Deployment")["spec"]["template"]
            workload = istio.Workload(
                "wadi-gateway", "wadi-ingress", pods["spec"]["serviceAccountName"], pods["metadata"]["labels"]
            )
            istio.start_control(plane, {"wadi-keys.wadi-ingress.svc.cluster.local": inside})
            istio.start_gateway(plane, workload, (HTTP, HTTPS, KEYS))
            context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
            with httpx.Client(base_url=f"https://{inside}:{HTTPS}", verify=context, timeout=30) as client:
                door = Door(client, inside, behind, plane, folder / "ca.crt")
                _wait_for_keys(door)
                yield door
        except BackendError as error:
            pytest.fail(str(error))
        finally:
            istio.stop(plane)


def _certificate(folder: Path) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "wadi-tls", "namespace": "wadi-ingress"},
        "stringData": {
            "tls.crt": (folder / "wadi-tls.crt").read_text(),
            "tls.key": (folder / "wadi-tls.key").read_text(),
        },
    }


def _wait_for_keys(door: Door) -> None:
    """istiod fetches them through the gateway, which it has only just told about it."""
    deadline = time.monotonic() + 60
    while door.client.get("/api/videos", headers=bearer(token())).status_code != 200:
        if time.monotonic() > deadline:
            raise BackendError("istiod does not fetch the keys of tokens through the gateway.")
        time.sleep(0.2)


def token(**claims: Any) -> str:
    return issue_access_token("0198c0de-0000-7000-8000-000000000001", Role.USER, **claims)[0]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def path(name: str) -> str:
    template = CAPABILITIES[name].route.template
    return template.replace("{id}", "0198c0de-0000-7000-8000-000000000002").replace("{name}", "master.m3u8")


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


def test_plain_http_is_led_to_https(door: Door) -> None:
    answer = httpx.get(f"http://{door.address}:{HTTP}/api/videos?x=1", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{NAME}/api/videos?x=1")


@pytest.mark.parametrize(("version", "taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_from_1_2(door: Door, version: str, taken: bool) -> None:
    context = ssl.create_default_context(cafile=str(door.authority))
    context.set_ciphers("ALL:@SECLEVEL=0")  # this side would take it
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion[version]
    with socket.create_connection((door.address, HTTPS), timeout=10) as plain:
        if not taken:
            with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
                context.wrap_socket(plain, server_hostname=NAME)
            return
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            assert connection.version() == version.replace("_", ".")


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
        name, more = str(uuid.uuid4()), threading.Event()

        def slowly() -> Iterator[bytes]:
            yield b"{"
            more.wait(30)
            yield b"}"

        with door.client.stream("GET", "/api/videos"):
            answers: list[httpx.Response] = []
            sending = threading.Thread(
                target=lambda: answers.append(
                    door.client.post("/api/uploads", content=slowly(), headers={"x-test-id": name})
                )
            )
            sending.start()
        assert door.client.get("/api/videos").status_code == 200
        assert door.behind.times(name) == 0
        more.set()
        sending.join()
        assert answers[0].status_code == 200


class TestFailures:
    @pytest.mark.parametrize("method", ["POST", "GET"])
    @pytest.mark.parametrize("fails", ["503", "break"])
    def test_the_gateway_does_not_try_again(self, door: Door, method: str, fails: str) -> None:
        name = str(uuid.uuid4())
        answer = door.client.request(method, "/api/videos" if method == "GET" else "/api/uploads",
                                     headers={"x-test-id": name, FAILS: fails})  # fmt: skip
        assert answer.status_code == 503
        assert door.behind.times(name) == 1

    def test_a_broken_connection_is_told_as_a_problem(self, door: Door) -> None:
        problem(door.client.post("/api/uploads", headers={FAILS: "break"}), 503, "unavailable")

    def test_what_a_function_answers_is_left_as_it_is(self, door: Door) -> None:
        answer = door.client.post("/api/uploads", headers={FAILS: "404"})
        assert (answer.status_code, answer.json()["method"]) == (404, "POST")


class TestRates:
    """Last, since it uses up what the others need."""

    def test_logins_are_limited_for_an_address_and_for_it_alone(self, door: Door) -> None:
        name = str(uuid.uuid4())
        refused = self._until_refused(door, "/api/auth/login", name)
        problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["access-control-allow-origin"] == "https://player.example"
        assert door.behind.times(name) >= 60  # what one address may do at once
        assert door.client.get("/api/videos").status_code == 200  # the rest is not meant
        assert _status_from_inside(door, "/api/auth/me") == 200  # nor is another address

    def test_so_is_everything_more_widely(self, door: Door) -> None:
        name = str(uuid.uuid4())
        problem(self._until_refused(door, "/api/videos", name), 429, "too-many-requests")
        assert door.behind.times(name) >= 100

    def _until_refused(self, door: Door, target: str, name: str) -> httpx.Response:
        """Many at once, or a busy machine would be slower than the bucket fills."""
        deadline, refused = time.monotonic() + 60, list[httpx.Response]()
        method = "POST" if "login" in target else "GET"
        headers = {"x-test-id": name, "Origin": "https://player.example"}

        def ask() -> None:
            with httpx.Client(base_url=door.client.base_url, verify=door_context(door), timeout=30) as client:
                while not refused and time.monotonic() < deadline:
                    answer = client.request(method, target, headers=headers)
                    if answer.status_code != 200:
                        refused.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused, "nothing was refused within a minute"
        return refused[0]


def door_context(door: Door) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(door.authority))


def _status_from_inside(door: Door, target: str) -> int:
    """The same, from the address of the cluster's network."""
    script = (
        "import ssl, sys, urllib.request as r\n"
        "context = ssl.create_default_context(cafile=sys.argv[2])\n"
        "print(r.urlopen(sys.argv[1], context=context).status)"
    )
    command = [*door.plane.network.enter, sys.executable, "-c", script, f"https://{door.address}:{HTTPS}{target}",
               str(door.authority)]  # fmt: skip
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)
