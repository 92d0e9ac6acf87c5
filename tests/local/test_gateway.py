"""The gateway, over a real function: routes, headers, streams in both directions, limits, timeouts, errors, CORS."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.local.box import Box
from tests.local.yaml_files import route, service, write
from tests.patience import until

MIB = 1024 * 1024
CORS = {
    "allowOrigins": [{"exact": "https://one.example"}, {"regex": r"https://.*\.two\.example"}],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["authorization", "content-type"],
    "exposeHeaders": ["x-function"],
    "maxAge": "1h",
    "allowCredentials": True,
}


@pytest.fixture(scope="module")
def box(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("gateway")
    routes = [
        route("g", {"uri": {"exact": "/f/special"}}),
        route("g", {"method": {"exact": "DELETE"}, "uri": {"prefix": "/f/"}}),
        route(
            "g", {"uri": {"regex": "/f/[0-9]+/x"}}, {"headers": {"x-which": {"exact": "g"}}, "uri": {"prefix": "/f/"}}
        ),
        route("f", {"uri": {"prefix": "/f/slow/"}}, timeout="0.3s"),
        route("f", {"uri": {"prefix": "/f/endless/"}}, timeout="0s"),
        route("f", {"uri": {"prefix": "/f/cors/"}}, corsPolicy=CORS),
        route("mortal", {"uri": {"prefix": "/mortal/"}}, corsPolicy=CORS),
        route("f", {"uri": {"prefix": "/old/"}}, rewrite={"uri": "/new/"}),
        route(
            "f",
            {"uri": {"prefix": "/f/changed/"}},
            headers={
                "request": {"set": {"x-set": "1"}, "remove": ["x-secret"]},
                "response": {"add": {"x-added": "2"}, "remove": ["x-function"]},
            },
        ),
        route("short", {"uri": {"prefix": "/short/"}}),
        route("f"),
    ]
    root = write(folder / "root", [service("f"), service("g"), service("short", timeout=1), service("mortal")], routes)
    box = Box(root, folder / "data", database.url).up()
    yield box
    box.down()


@pytest.fixture
def client(box: Box) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.url, timeout=60) as client:
        yield client


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["detail"]
    return answer.status_code, answer.json()["type"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "target"),
    [
        ("GET", "/f/any", {}, "f"),
        ("GET", "/f/special", {}, "g"),
        ("GET", "/f/special/", {}, "f"),
        ("GET", "/f/special?x=1", {}, "g"),
        ("DELETE", "/f/any", {}, "g"),
        ("GET", "/f/123/x", {}, "g"),
        ("GET", "/f/123/xy", {}, "f"),
        ("GET", "/f/a123/x", {}, "f"),
        ("GET", "/f/any", {"X-Which": "g"}, "g"),
        ("GET", "/f/any", {"X-Which": "gg"}, "f"),
    ],
)
def test_the_first_route_that_fits(client: httpx.Client, method: str, path: str, headers: Any, target: str) -> None:
    url = httpx.URL(client.base_url, raw_path=path.encode())
    assert client.request(method, url, headers=headers).json()["target"] == target


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (b"/f/./special", "/f/special"),
        (b"/nowhere/../f/special", "/f/special"),
        (b"/nowhere/%2e%2E/f/special", "/f/special"),
        (b"/../../f/%73pecial", "/f/special"),
        (b"/f/x/..%2Fspecial", None),
    ],
)
def test_a_path_is_made_plain_before_it_is_matched(box: Box, path: bytes, seen: str | None) -> None:
    """Over a bare socket, since clients make it plain themselves."""
    with socket.create_connection(("127.0.0.1", int(box.url.rpartition(":")[2]))) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    found = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (found["target"], found["path"]) == (("g", seen) if seen else ("f", path.decode()))


def test_no_route_is_404(client: httpx.Client) -> None:
    assert problem(client.get("/nowhere")) == (404, "/problems/not-found")


def test_path_and_query_arrive_as_they_were_sent(client: httpx.Client) -> None:
    path = "/f/a%2Fb%20c/%C3%A4?q=a%26b&empty=&q=%2F+x"
    url = httpx.URL(client.base_url, raw_path=path.encode())
    assert client.get(url).json()["path"] == path


def test_rewrite_takes_the_place_of_the_prefix(client: httpx.Client) -> None:
    assert client.get("/old/x/y?z=1").json()["path"] == "/new/x/y?z=1"


def test_what_a_function_is_told_of_the_request(client: httpx.Client) -> None:
    hop = {"Connection": "close, X-Only-Here", "X-Only-Here": "1", "Proxy-Authorization": "x", "TE": "trailers"}
    headers = hop | {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "gopher", "Authorization": "Bearer t"}
    seen = client.get("/f/x", headers=headers).json()["headers"]
    assert not {"x-only-here", "proxy-authorization", "te"} & seen.keys()
    assert seen["authorization"] == "Bearer t"
    assert seen["host"] == "f.wadi.svc.cluster.local"
    assert seen["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == client.base_url.netloc.decode()
    assert re.fullmatch("[0-9a-f]{32}", seen["x-request-id"])
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen["traceparent"])


def test_a_trace_and_a_request_id_go_on_and_nonsense_is_replaced(client: httpx.Client) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    seen = client.get("/f/x", headers={"traceparent": trace, "X-Request-Id": "mine-1"}).json()["headers"]
    assert (seen["traceparent"], seen["x-request-id"]) == (trace, "mine-1")
    seen = client.get("/f/x", headers={"traceparent": "00-nonsense", "X-Request-Id": "a b"}).json()["headers"]
    assert seen["traceparent"] != "00-nonsense"
    assert seen["x-request-id"] != "a b"


def test_the_headers_of_the_answer_without_those_of_one_connection(client: httpx.Client) -> None:
    answer = client.get("/f/x")
    assert answer.headers["x-function"] == "f"
    assert "keep-alive" not in answer.headers


def test_a_route_can_change_headers(client: httpx.Client) -> None:
    answer = client.get("/f/changed/x", headers={"X-Secret": "s"})
    assert answer.json()["headers"]["x-set"] == "1"
    assert "x-secret" not in answer.json()["headers"]
    assert answer.headers["x-added"] == "2"
    assert "x-function" not in answer.headers


@pytest.mark.parametrize("status", [201, 302, 404, 418, 500])
def test_any_status_passes_through(client: httpx.Client, status: int) -> None:
    assert client.get(f"/f/x?status={status}").status_code == status


def test_head_has_a_length_and_no_body(client: httpx.Client) -> None:
    answer = client.head("/f/x")
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


def peak(pid: int) -> int:
    """Bytes of memory that a process has had at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_upload_passes_in_constant_memory(box: Box, client: httpx.Client, chunked: bool) -> None:
    pid = box.status()["pid"]
    client.post("/f/x", content=bytes(MIB))
    before, size = peak(pid), 300 * MIB
    pieces = (bytes(MIB) for _ in range(size // MIB))
    headers = {"Content-Type": "application/octet-stream"} | ({} if chunked else {"Content-Length": str(size)})
    answer = client.post("/f/x", content=pieces, headers=headers)
    assert answer.json()["body"] == str(size)
    assert ("content-length" in answer.json()["headers"]) is not chunked
    assert peak(pid) - before < 16 * MIB


def test_a_large_download_passes_in_constant_memory_at_the_pace_of_the_client(box: Box, client: httpx.Client) -> None:
    pid = box.status()["pid"]
    before, size = peak(pid), 0
    with client.stream("GET", "/f/stream?chunks=2000&size=100000") as answer:
        for chunk in answer.iter_raw():
            size += len(chunk)
    assert size == 2000 * 100000
    assert peak(pid) - before < 16 * MIB


def test_a_client_that_does_not_read_holds_the_function_back(box: Box) -> None:
    before = peak(box.status()["pid"])
    with socket.create_connection(("127.0.0.1", int(box.url.rpartition(":")[2]))) as connection:
        connection.sendall(b"GET /f/stream?chunks=2000&size=100000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: box.processes("f")[0]["in_flight"] == 1)
        assert peak(box.status()["pid"]) - before < 16 * MIB
    until(lambda: box.processes("f")[0]["in_flight"] == 0)


def test_an_event_stream_comes_through_piece_by_piece(box: Box, client: httpx.Client) -> None:
    with client.stream("GET", "/f/stream?chunks=3&size=20&pause=0.5") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: 0\n\n".ljust(20, b".")
        assert box.processes("f")[0]["in_flight"] == 1, "the function has not ended its answer yet"
        assert b"".join(pieces).count(b"data:") == 2


def test_a_client_that_goes_away_ends_the_stream_at_the_function(box: Box, client: httpx.Client) -> None:
    with client.stream("GET", "/f/endless/stream?chunks=100000&size=100&pause=0.01") as answer:
        next(answer.iter_raw())
    until(lambda: sum(one["in_flight"] for one in box.processes("f")) == 0)


def test_a_function_that_dies_in_the_middle_of_its_answer_breaks_the_connection(client: httpx.Client) -> None:
    assert broken_off(client, "/mortal/stream?chunks=2&size=9&die=1")


def test_the_timeout_of_the_route_is_504(client: httpx.Client) -> None:
    assert problem(client.get("/f/slow/x?sleep=3")) == (504, "/problems/gateway-timeout")


def test_the_timeout_of_the_route_is_504_after_a_body_too(client: httpx.Client) -> None:
    assert problem(client.post("/f/slow/x?sleep=3", content=b"x")) == (504, "/problems/gateway-timeout")


def test_the_timeout_of_a_route_counts_from_the_end_of_the_request(client: httpx.Client) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(5):
            time.sleep(0.15)  # the request itself takes its time
            yield b"x" * 100

    answer = client.post("/f/slow/x", content=slowly(), headers={"Content-Type": "application/octet-stream"})
    assert answer.json()["body"] == "500"


def test_the_timeout_of_a_route_also_ends_an_answer_that_has_begun(client: httpx.Client) -> None:
    assert broken_off(client, "/f/slow/stream?chunks=50&size=9&pause=0.1")


def broken_off(client: httpx.Client, path: str) -> bool:
    """Whether an answer begins well and does not come to its end."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        try:
            answer.read()
        except httpx.RemoteProtocolError:
            return True
        return False


def test_the_timeout_of_the_service_is_504(client: httpx.Client) -> None:
    assert problem(client.get("/short/x?sleep=5")) == (504, "/problems/gateway-timeout")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json; charset=utf-8"])
def test_a_json_body_over_the_limit_is_413(client: httpx.Client, chunked: bool, content_type: str) -> None:
    body: Any = (bytes(MIB) for _ in range(2)) if chunked else bytes(MIB + 1)
    answer = client.post("/f/x", content=body, headers={"Content-Type": content_type})
    assert problem(answer) == (413, "/problems/too-large")


def test_a_json_body_at_the_limit_passes(client: httpx.Client) -> None:
    answer = client.post("/f/x", content=bytes(MIB), headers={"Content-Type": "application/json"})
    assert answer.json()["body"] == str(MIB)


def preflight(client: httpx.Client, origin: str, method: str = "GET", path: str = "/f/cors/x") -> httpx.Headers:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = client.options(path, headers=headers)
    assert answer.status_code == 200
    return answer.headers


def test_a_preflight_of_an_allowed_origin(client: httpx.Client) -> None:
    headers = preflight(client, "https://one.example")
    assert headers["access-control-allow-origin"] == "https://one.example"
    assert headers["access-control-allow-methods"] == "GET,POST"
    assert headers["access-control-allow-headers"] == "authorization,content-type"
    assert headers["access-control-max-age"] == "3600"
    assert headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" in preflight(client, "https://a.two.example")


@pytest.mark.parametrize(
    "origin", ["https://two.example", "https://one.example.evil", "https://a.two.example.evil", "null"]
)
def test_a_preflight_of_another_origin_allows_nothing(client: httpx.Client, origin: str) -> None:
    assert not [name for name in preflight(client, origin) if name.startswith("access-control")]


def test_without_a_cors_policy_nothing_is_allowed(client: httpx.Client) -> None:
    headers = preflight(client, "https://one.example", path="/f/x")
    assert not [name for name in headers if name.startswith("access-control")]


def test_answers_and_errors_can_be_read_by_an_allowed_origin(client: httpx.Client) -> None:
    origin = {"Origin": "https://one.example"}
    answer = client.get("/f/cors/x", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "https://one.example"
    assert answer.headers["access-control-expose-headers"] == "x-function"
    assert answer.headers["vary"] == "Origin"
    failed = client.get("/mortal/x?crash=1", headers=origin)
    assert problem(failed) == (502, "/problems/bad-gateway")
    assert failed.headers["access-control-allow-origin"] == "https://one.example"
    assert "access-control-allow-origin" not in client.get("/f/cors/x", headers={"Origin": "https://x.example"}).headers


def test_healthz(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "up"}


def test_the_status_is_not_for_those_behind_a_proxy(client: httpx.Client) -> None:
    assert {one["name"] for one in client.get("/local/status").json()["services"]} == {"f", "g", "mortal", "short"}
    assert problem(client.get("/local/status", headers={"X-Forwarded-For": "203.0.113.9"}))[0] == 404


def test_objects_are_served_beside_the_functions(client: httpx.Client) -> None:
    assert problem(client.get("/objects/node-1/x"))[0] in (400, 403)


def test_malformed_http_is_refused_and_the_gateway_goes_on(box: Box, client: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", int(box.url.rpartition(":")[2]))) as connection:
        connection.sendall(b"GET /f/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(1000).split()[1] == b"400"
    assert client.get("/f/x").status_code == 200
