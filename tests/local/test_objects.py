"""The object server: broken connections, restarts, wrong checksums, full disks, lost replicas, hostile addresses."""

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shared.objects import signing
from shared.objects.directory import DirectoryStore
from tests.contract.object_nodes import serve_objects
from tests.patience import until

ROOT = Path(__file__).resolve().parents[2]
PART = 1024 * 1024
SIZE = 3 * PART + 100
BYTES = hashlib.shake_256(b"source").digest(SIZE)
KEY = "sources/1"


@dataclass(frozen=True)
class Site:
    """Three nodes and their server."""

    url: str
    nodes: list[DirectoryStore]

    @property
    def node(self) -> DirectoryStore:
        return self.nodes[0]

    def begin(self, key: str = KEY) -> str:
        return self.node.multipart.start(key, SIZE, PART)

    def part_url(self, upload: str, part: int, key: str = KEY) -> str:
        return self.url + self.node.multipart.signed_part_url(key, upload, part, soon())

    def put(self, upload: str, part: int, **options: Any) -> httpx.Response:
        return httpx.put(self.part_url(upload, part), content=options.pop("content", part_bytes(part)), **options)

    def received(self, upload: str) -> list[int]:
        return [part.number for part in self.node.multipart.parts(KEY, upload)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("JWT_SECRET", "a secret for tests of the object server")
    roots = [tmp_path / f"disk-{number}" for number in (1, 2, 3)]
    monkeypatch.setenv("WADI_NODES", ":".join(map(str, roots)))
    nodes = [DirectoryStore.create(f"node-{number}", root) for number, root in enumerate(roots, 1)]
    with serve_objects() as url:
        yield Site(url, nodes)


def soon() -> int:
    return int(time.time()) + 600


def part_bytes(part: int) -> bytes:
    return BYTES[(part - 1) * PART : part * PART]


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"/problems/{slug}"
    assert body["detail"]
    return body


@contextmanager
def half_a_part(url: str, sent: bytes, length: int = PART) -> Iterator[socket.socket]:
    """A connection on which only some of a part's bytes have come."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + sent)
        yield connection


def is_being_written(node: DirectoryStore, upload: str, part: int) -> bool:
    return (node.root / "uploads" / upload / "parts" / str(part)).exists()


# --- uploads


def test_a_broken_connection_costs_one_part(site: Site) -> None:
    upload = site.begin()
    assert site.put(upload, 1).status_code == 200
    with half_a_part(site.part_url(upload, 2), part_bytes(2)[: PART // 2]):
        until(lambda: is_being_written(site.node, upload, 2), "the part is being written")
    assert site.received(upload) == [1]
    for part in (2, 3, 4):
        assert site.put(upload, part).status_code == 200
    site.node.multipart.complete(KEY, upload)
    assert b"".join(site.node.open(KEY)) == BYTES


def test_a_newer_connection_takes_over_from_a_stalled_one(site: Site) -> None:
    """The client's network changed: the server still waits on the old connection when the client comes again."""
    upload = site.begin()
    with half_a_part(site.part_url(upload, 1), b"x" * 1000) as stalled:
        until(lambda: is_being_written(site.node, upload, 1), "the part is being written")
        assert site.put(upload, 1).status_code == 200
        assert b"HTTP/1.1 409" in stalled.recv(4096)
    assert site.received(upload) == [1]
    for part in (2, 3, 4):
        site.put(upload, part)
    site.node.multipart.complete(KEY, upload)
    assert b"".join(site.node.open(KEY)) == BYTES


def test_a_part_that_was_proven_does_not_stay_so_while_it_is_overwritten(site: Site) -> None:
    upload = site.begin()
    site.put(upload, 1)
    with half_a_part(site.part_url(upload, 1), b"x" * 1000):
        until(lambda: site.received(upload) == [], "the part does not count")


def test_a_wrong_checksum_is_refused_and_the_part_does_not_count(site: Site) -> None:
    upload = site.begin()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    answer = site.put(upload, 1, headers={"x-amz-checksum-sha256": wrong})
    assert hashlib.sha256(part_bytes(1)).hexdigest() in problem(answer, 400, "checksum-mismatch")["detail"]
    assert site.received(upload) == []


@pytest.mark.parametrize("value", ["", "abc", "!!!!", base64.b64encode(b"short").decode()])
def test_a_checksum_that_is_none_is_refused(site: Site, value: str) -> None:
    upload = site.begin()
    answer = site.put(upload, 1, headers={"x-amz-checksum-sha256": value})
    problem(answer, 400, "invalid-request")


def test_the_answer_tells_the_checksum(site: Site) -> None:
    answer = site.put(site.begin(), 1)
    digest = hashlib.sha256(part_bytes(1))
    assert answer.headers["x-amz-checksum-sha256"] == base64.b64encode(digest.digest()).decode()
    assert answer.headers["ETag"] == f'"{digest.hexdigest()}"'


@pytest.mark.parametrize("length", [0, PART - 1, PART + 1])
def test_a_part_of_another_length_is_refused(site: Site, length: int) -> None:
    upload = site.begin()
    answer = site.put(upload, 1, content=b"x" * length)
    assert str(PART) in problem(answer, 400, "invalid-request")["detail"]
    assert site.received(upload) == []


def test_the_length_must_be_told(site: Site) -> None:
    problem(site.put(site.begin(), 1, content=iter([b"x" * PART])), 411, "length-required")


@pytest.mark.parametrize("part", [0, 5, -1])
def test_a_part_that_the_file_does_not_have(site: Site, part: int) -> None:
    problem(site.put(site.begin(), part, content=b"x"), 410, "gone")


def test_an_upload_of_another_key(site: Site) -> None:
    upload = site.begin()
    problem(httpx.put(site.part_url(upload, 1, "sources/2"), content=part_bytes(1)), 410, "gone")


def test_a_full_disk_is_said_and_the_part_does_not_count(site: Site) -> None:
    """/dev/full in place of the data: every write fails as it does on a full disk."""
    upload = site.begin()
    assert site.put(upload, 1).status_code == 200
    data = site.node.root / "uploads" / upload / "data"
    data.rename(data.with_name("kept"))
    data.symlink_to("/dev/full")
    assert "disk is full" in problem(site.put(upload, 2), 507, "storage-full")["detail"]
    assert site.received(upload) == [1]
    data.unlink()
    data.with_name("kept").rename(data)
    assert site.put(upload, 2).status_code == 200
    assert site.received(upload) == [1, 2]


def test_a_node_that_is_gone(site: Site) -> None:
    upload = site.begin()
    url = site.part_url(upload, 1)
    site.put(upload, 1)
    site.node.root.rename(site.node.root.with_name("away"))
    site.node.root.mkdir()  # where its disk should be mounted
    problem(httpx.put(url, content=part_bytes(1)), 503, "unavailable")
    assert list(site.node.root.iterdir()) == []


def test_killed_in_the_middle_it_goes_on_where_it_was(site: Site) -> None:
    """kill -9 of the server itself, then a new one: parts that were answered are there, the one on its way is not."""
    upload = site.begin()
    with server_process() as (process, url):
        first = url + site.node.multipart.signed_part_url(KEY, upload, 1, soon())
        assert httpx.put(first, content=part_bytes(1)).status_code == 200
        second = url + site.node.multipart.signed_part_url(KEY, upload, 2, soon())
        with half_a_part(second, part_bytes(2)[: PART // 2]):
            until(lambda: is_being_written(site.node, upload, 2), "the part is being written")
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert site.received(upload) == [1]
    with server_process() as (_, url):
        for part in (2, 3, 4):
            signed = url + site.node.multipart.signed_part_url(KEY, upload, part, soon())
            assert httpx.put(signed, content=part_bytes(part)).status_code == 200
    site.node.multipart.complete(KEY, upload)
    assert b"".join(site.node.open(KEY)) == BYTES


@contextmanager
def server_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    program = (
        "import asyncio\n"
        "from aiohttp import web\n"
        "from local.gateway.objects import add_object_routes\n"
        "async def main():\n"
        "    app = web.Application(); add_object_routes(app)\n"
        "    runner = web.AppRunner(app); await runner.setup()\n"
        "    await web.TCPSite(runner, '127.0.0.1', 0).start()\n"
        "    print(runner.addresses[0][1], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


# --- reading


def stored(site: Site, key: str, data: bytes, nodes: list[int]) -> str:
    """Puts replicas on nodes; a URL of the first node's."""
    for number in nodes:
        site.nodes[number].put(key, [data])
    return site.url + site.nodes[nodes[0]].signed_url(key, soon(), size=len(data))


def test_headers(site: Site) -> None:
    url = stored(site, "videos/1/720p/0-ab.m4s", BYTES, [0])
    for answer in (httpx.get(url), httpx.head(url)):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "video/iso.segment"
        assert answer.headers["Content-Length"] == str(SIZE)
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        cache = answer.headers["Cache-Control"]
        assert cache.startswith("private, max-age=")
        assert cache.endswith(", immutable")
        assert 590 <= int(cache.split("=")[1].split(",")[0]) <= 600
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert httpx.get(url).content == BYTES
    assert httpx.head(url).content == b""


def test_what_was_uploaded_is_never_a_page(site: Site) -> None:
    url = stored(site, "sources/2", b"<script>alert(1)</script>", [0])
    assert httpx.get(url).headers["Content-Type"] == "application/octet-stream"


def test_a_range_that_lies_outside(site: Site) -> None:
    url = stored(site, "videos/1/a.m4s", b"abc", [0])
    for wanted in ("bytes=3-", "bytes=9-10", "bytes=-0", "bytes=7-8,9-"):
        answer = httpx.get(url, headers={"Range": wanted})
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["Content-Range"] == "bytes */3"


@pytest.mark.parametrize(
    ("wanted", "part"), [("bytes=5-9", (5, 10)), ("bytes=-7", (SIZE - 7, SIZE)), ("bytes=9-", (9, SIZE))]
)
def test_one_range_is_a_part(site: Site, wanted: str, part: tuple[int, int]) -> None:
    start, end = part
    for ask in (httpx.get, httpx.head):
        answer = ask(stored(site, "videos/1/a.m4s", BYTES, [0]), headers={"Range": wanted})
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(end - start)
        assert answer.content == (b"" if ask is httpx.head else BYTES[start:end])


@pytest.mark.parametrize("wanted", ["bytes=0-9,20-29", "lines=1-2", "bytes=2-1", "bytes="])
def test_several_ranges_and_what_is_none_get_it_whole(site: Site, wanted: str) -> None:
    answer = httpx.get(stored(site, "videos/1/a.m4s", BYTES, [0]), headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, BYTES)
    assert "Content-Range" not in answer.headers


def test_if_range_is_compared_with_the_etag_or_the_date(site: Site) -> None:
    """A client that has the first half of another version would put the two together otherwise."""
    url = stored(site, "videos/1/a.m4s", BYTES, [0])
    whole = httpx.get(url)
    for same in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        answer = httpx.get(url, headers={"Range": "bytes=5-9", "If-Range": same})
        assert (answer.status_code, answer.content) == (206, BYTES[5:10])
    for other in ('"nope"', "W/" + whole.headers["ETag"], "nope", "Tue, 19 Jan 2038 03:14:07 GMT"):
        answer = httpx.get(url, headers={"Range": "bytes=5-9", "If-Range": other})
        assert (answer.status_code, answer.content) == (200, BYTES)


def test_what_is_known_already_is_not_sent_again(site: Site) -> None:
    url = stored(site, "videos/1/a.m4s", BYTES, [0])
    answer = httpx.get(url, headers={"If-None-Match": httpx.head(url).headers["ETag"]})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_lost_replica_is_read_from_another_node(site: Site) -> None:
    url = stored(site, "videos/1/b.m4s", BYTES, [0, 2])
    site.nodes[0].delete("videos/1/b.m4s")
    assert httpx.get(url).content == BYTES
    assert httpx.get(url, headers={"Range": "bytes=5-9"}).content == BYTES[5:10]


def test_a_replica_that_was_cut_short_is_read_from_another_node(site: Site) -> None:
    url = stored(site, "videos/1/c.m4s", BYTES, [0, 1])
    (site.nodes[0].root / "objects/videos/1/c.m4s").write_bytes(BYTES[:-1])
    assert httpx.get(url).content == BYTES


@pytest.mark.parametrize("how", ["removed", "not mounted", "another disk"])
def test_a_lost_disk_is_read_from_another_node(site: Site, how: str) -> None:
    url = stored(site, "videos/1/d.m4s", BYTES, [0, 1])
    assert httpx.get(url).content == BYTES
    site.nodes[0].root.rename(site.nodes[0].root.with_name("away"))
    if how != "removed":
        site.nodes[0].root.mkdir()
    if how == "another disk":
        DirectoryStore.create("node-9", site.nodes[0].root)
    assert httpx.get(url).content == BYTES


def test_when_every_replica_is_lost(site: Site) -> None:
    url = stored(site, "videos/1/e.m4s", BYTES, [0, 1, 2])
    for node in site.nodes:
        node.delete("videos/1/e.m4s")
    problem(httpx.get(url), 404, "not-found")


def test_a_node_that_is_made_later_is_found(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored(site, "videos/1/f.m4s", b"abc", [0])
    monkeypatch.setenv("WADI_NODES", f"{os.environ['WADI_NODES']}:{tmp_path / 'disk-4'}")
    node = DirectoryStore.create("node-4", tmp_path / "disk-4")
    node.put("videos/1/g.m4s", [b"new"])
    assert httpx.get(site.url + node.signed_url("videos/1/g.m4s", soon())).content == b"new"


# --- signatures and addresses


def test_a_signature_is_of_one_use(site: Site) -> None:
    url = stored(site, "videos/2/a.m4s", b"abc", [0])
    assert httpx.get(url).status_code == 200
    expires = dict(part.split("=") for part in url.split("?")[1].split("&"))["expires"]
    tampered = [
        url.replace("videos/2/a.m4s", "videos/2/b.m4s"),
        url.replace("node-1", "node-2"),
        url.replace(expires, str(int(expires) + 1)),
        url.replace("size=3", "size=4"),
        url.replace("&size=3", ""),
        url + "&part=1",
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.split("&signature")[0],
        url.split("?")[0],
        url.replace("signature=", "signature=%C3%A9"),
    ]
    for other in tampered:
        problem(httpx.get(other), 403, "invalid-signature")
    problem(httpx.put(url, content=b"x"), 403, "invalid-signature")


def test_a_field_that_stands_twice_is_refused(site: Site) -> None:
    """It would be checked as one value and used as the other."""
    upload = site.begin()
    url = site.part_url(upload, 1)
    for other in (url.replace("?", "?part=2&"), url + "&part=2", url.replace("?", "?signature=x&")):
        problem(httpx.put(other, content=part_bytes(2)), 403, "invalid-signature")
    assert site.received(upload) == []


def test_an_expired_signature(site: Site) -> None:
    site.node.put("videos/2/c.m4s", [b"abc"])
    late = site.url + site.node.signed_url("videos/2/c.m4s", int(time.time()) - 1)
    assert "expired" in problem(httpx.get(late), 403, "invalid-signature")["detail"]
    upload = site.begin()
    late = site.url + site.node.multipart.signed_part_url(KEY, upload, 1, int(time.time()) - 1)
    problem(httpx.put(late, content=part_bytes(1)), 403, "invalid-signature")
    assert site.received(upload) == []


def test_an_older_secret_is_accepted_while_secrets_are_rotated(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = stored(site, "videos/2/d.m4s", b"abc", [0])
    monkeypatch.setenv("JWT_SECRET", f"a newer secret,{os.environ['JWT_SECRET']}")
    assert httpx.get(url).status_code == 200
    newer = site.url + site.node.signed_url("videos/2/d.m4s", soon())
    monkeypatch.setenv("JWT_SECRET", "a newer secret")
    assert httpx.get(newer).status_code == 200
    problem(httpx.get(url), 403, "invalid-signature")


@pytest.mark.parametrize(
    "path",
    [
        "/objects/node-1/../../secret",
        "/objects/node-1/%2e%2e/%2e%2e/secret",
        "/objects/node-1/..%2f..%2fsecret",
        "/objects/node-1//etc/passwd",
        "/objects/node-1/videos/..%5c..%5csecret",
        "/objects/../objects/node-1/secret",
    ],
)
def test_paths_that_lead_elsewhere(site: Site, path: str) -> None:
    (site.node.root.parent / "secret").write_text("secret")
    answer = raw_get(site.url, path)
    assert b"secret" not in answer
    assert answer.split(b" ")[1] in (b"403", b"404")


@pytest.mark.parametrize("key", ["../node.json", "a/../../node.json", "/etc/passwd", "..", "a/./../../node.json"])
def test_even_a_signed_key_does_not_lead_elsewhere(site: Site, key: str) -> None:
    url = signing.sign("GET", f"/objects/node-1/{key}", soon())
    answer = raw_get(site.url, url.replace("..", "%2e%2e"))
    assert answer.split(b" ")[1] in (b"400", b"403", b"404")
    assert b"node-1" not in answer.partition(b"\r\n\r\n")[2]


def raw_get(base: str, target: str) -> bytes:
    """As httpx would not send it: it makes paths plain."""
    parts = urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        with suppress(ConnectionResetError):
            while data := connection.recv(65536):
                answer += data
    return answer


def test_a_browser_may_ask(site: Site) -> None:
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT"}
    for headers in ({}, {"Access-Control-Request-Headers": "authorization,range,x-amz-checksum-sha256"}):
        answer = httpx.options(site.part_url(site.begin(), 1), headers=asked | headers)
        assert answer.status_code == 204
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert allowed == headers.get("Access-Control-Request-Headers", "*")


def test_a_page_of_another_origin_may_read_where_the_part_lies(site: Site) -> None:
    url = stored(site, "videos/1/a.m4s", BYTES, [0])
    answer = httpx.get(url, headers={"Origin": "https://app.example.org", "Range": "bytes=5-9"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"Accept-Ranges", "Content-Length", "Content-Range", "ETag"} <= exposed


def test_without_a_secret_it_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = stored(site, "videos/3/a.m4s", b"abc", [0])
    monkeypatch.delenv("JWT_SECRET")
    assert "JWT_SECRET" in problem(httpx.get(url), 503, "unavailable")["detail"]
