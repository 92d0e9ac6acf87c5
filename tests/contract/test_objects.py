"""What every node must do, whichever implementation it is. Signed URLs are used over HTTP, as clients use them."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from shared.objects import (
    ChecksumMismatch,
    InvalidKey,
    ObjectMissing,
    PartsMissing,
    UploadGone,
)
from tests.contract.object_nodes import IMPLEMENTATIONS, ServedNode

PART = 5 * 1024 * 1024  # the least that S3 takes
SIZE = 2 * PART + 1234
BYTES = hashlib.shake_256(b"source").digest(SIZE)
SOON = 3600


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedNode]:
    with IMPLEMENTATIONS[request.param](tmp_path_factory.mktemp("node")) as served:
        yield served


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def in_parts(data: bytes) -> str:
    return sha256(b"".join(hashlib.sha256(data[i : i + PART]).digest() for i in range(0, len(data), PART)))


def part_bytes(number: int) -> bytes:
    return BYTES[(number - 1) * PART : number * PART]


def in_an_hour() -> int:
    return int(time.time()) + SOON


def put_part(
    node: ServedNode,
    key: str,
    upload: str,
    number: int,
    data: bytes | None = None,
    *,
    promised: bytes | None = None,
    expires_at: int | None = None,
    edit: Callable[[str], str] = str,
) -> httpx.Response:
    """Sends a part as clients do, with the SHA-256 of the bytes `promised`, by default of those that are sent."""
    data = part_bytes(number) if data is None else data
    digest = hashlib.sha256(data if promised is None else promised)
    url = node.store.multipart.signed_part_url(
        key, upload, number, expires_at or in_an_hour(), sha256=digest.hexdigest()
    )
    headers = {"x-amz-checksum-sha256": base64.b64encode(digest.digest()).decode()}
    return httpx.put(edit(node.at(url)), content=data, headers=headers, timeout=30)


# --- objects


def test_what_was_put_is_read(node: ServedNode) -> None:
    info = node.store.put("videos/1/720p/0-ab.m4s", iter([b"abc", b"", b"defg"]))
    assert info == (7, sha256(b"abcdefg"), None)
    assert node.store.size("videos/1/720p/0-ab.m4s") == 7
    assert b"".join(node.store.open("videos/1/720p/0-ab.m4s")) == b"abcdefg"
    assert b"".join(node.store.open("videos/1/720p/0-ab.m4s", 2)) == b"cdefg"
    assert b"".join(node.store.open("videos/1/720p/0-ab.m4s", 2, 4)) == b"cd"
    assert b"".join(node.store.open("videos/1/720p/0-ab.m4s", 5, 99)) == b"fg"


def test_a_file_is_put(node: ServedNode, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(BYTES)
    assert node.store.put_file("files/1", tmp_path / "f") == (SIZE, sha256(BYTES), None)
    assert b"".join(node.store.open("files/1")) == BYTES


def test_an_empty_object(node: ServedNode) -> None:
    assert node.store.put("files/empty", iter([])) == (0, sha256(b""), None)
    assert node.store.size("files/empty") == 0
    assert list(node.store.open("files/empty")) == []


def test_put_again_is_no_error(node: ServedNode) -> None:
    assert node.store.put("files/twice", [b"same"]) == node.store.put("files/twice", [b"same"])


def test_bytes_that_do_not_match_are_not_kept(node: ServedNode) -> None:
    with pytest.raises(ChecksumMismatch):
        node.store.put("files/wrong", [b"abc"], sha256=sha256(b"abd"))
    assert node.store.size("files/wrong") is None
    assert node.store.put("files/right", [b"abc"], sha256=sha256(b"abc")).size == 3


def test_a_checksum_of_parts_is_verified(node: ServedNode) -> None:
    node.store.put("files/parts", [BYTES], sha256=in_parts(BYTES), part_size=PART)
    with pytest.raises(ChecksumMismatch):
        node.store.put("files/parts-2", [BYTES], sha256=sha256(BYTES), part_size=PART)
    exact = BYTES[: 2 * PART]
    node.store.put("files/parts-3", [exact[:1], exact[1:]], sha256=in_parts(exact), part_size=PART)


def test_a_listing_has_every_object_and_nothing_else(node: ServedNode) -> None:
    before = time.time()
    upload = node.store.multipart.start("listed/parts", SIZE, PART)
    wanted = {f"listed/{name}": bytes(size) for size, name in enumerate(("a", "b/c", "b/d", "b/e/f", "bb"))}
    for key, data in wanted.items():
        node.store.put(key, [data])
    found = {each.key: each for each in node.store.listing("listed/")}
    assert {key: each.size for key, each in found.items()} == {key: len(data) for key, data in wanted.items()}
    assert all(before - 60 < each.stored < time.time() + 60 for each in found.values())
    assert {each.key for each in node.store.listing("listed/b")} == {
        "listed/b/c",
        "listed/b/d",
        "listed/b/e/f",
        "listed/bb",
    }
    assert list(node.store.listing("listed/none/")) == []
    assert wanted.keys() <= {each.key for each in node.store.listing()}
    node.store.delete("listed/a")
    assert "listed/a" not in {each.key for each in node.store.listing("listed/")}
    node.store.multipart.forget("listed/parts", upload)


def test_a_source_that_breaks_leaves_nothing(node: ServedNode) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        node.store.put("files/broken", broken())
    assert node.store.size("files/broken") is None
    assert node.store.sweep(time.time() + 60) == 0


def test_what_is_not_there(node: ServedNode) -> None:
    assert node.store.size("none/1") is None
    assert node.store.local_path("none/1") is None
    with pytest.raises(ObjectMissing):
        node.store.open("none/1")
    node.store.delete("none/1")


def test_delete(node: ServedNode) -> None:
    node.store.put("gone/a/1", [b"1"])
    node.store.put("gone/a/2", [b"2"])
    node.store.delete("gone/a/1")
    node.store.delete("gone/a/1")
    assert node.store.size("gone/a/1") is None
    assert node.store.size("gone/a/2") == 1
    node.store.delete("gone/a/2")
    node.store.put("gone/a/1", [b"1"])
    assert node.store.size("gone/a/1") == 1


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", ".hidden", "a\\b", "a\0b", "ä", "a" * 513, "a\n"],
)
def test_keys_that_lead_elsewhere_are_refused(node: ServedNode, key: str) -> None:
    with pytest.raises(InvalidKey):
        node.store.put(key, [b"x"])
    with pytest.raises(InvalidKey):
        node.store.open(key)
    with pytest.raises(InvalidKey):
        node.store.delete(key)
    with pytest.raises(InvalidKey):
        node.store.signed_url(key, in_an_hour())
    with pytest.raises(InvalidKey):
        node.store.multipart.start(key, 1, 1)


def test_many_put_and_delete_side_by_side(node: ServedNode) -> None:
    def one(number: int) -> None:
        key = f"crowd/{number % 3}/{number}"
        node.store.put(key, [str(number).encode()])
        assert b"".join(node.store.open(key)) == str(number).encode()
        node.store.delete(key)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(200)))


# --- signed reading


def test_a_signed_url_reads(node: ServedNode) -> None:
    node.store.put("videos/2/720p/0-ab.m4s", [b"abcdefg"])
    answer = httpx.get(node.at(node.store.signed_url("videos/2/720p/0-ab.m4s", in_an_hour(), size=7)))
    assert (answer.status_code, answer.content) == (200, b"abcdefg")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"]


@pytest.mark.parametrize(
    ("wanted", "status", "content", "range_"),
    [
        ("bytes=0-0", 206, b"a", "bytes 0-0/7"),
        ("bytes=2-4", 206, b"cde", "bytes 2-4/7"),
        ("bytes=5-", 206, b"fg", "bytes 5-6/7"),
        ("bytes=-2", 206, b"fg", "bytes 5-6/7"),
        ("bytes=0-99", 206, b"abcdefg", "bytes 0-6/7"),
        ("bytes=7-", 416, None, "bytes */7"),
    ],
)
def test_ranges(node: ServedNode, wanted: str, status: int, content: bytes | None, range_: str) -> None:
    node.store.put("videos/3/720p/0-ab.m4s", [b"abcdefg"])
    url = node.at(node.store.signed_url("videos/3/720p/0-ab.m4s", in_an_hour()))
    answer = httpx.get(url, headers={"Range": wanted})
    assert answer.status_code == status
    assert content is None or answer.content == content
    if status == 206 or "Content-Range" in answer.headers:  # S3 servers do not tell how long an object is that ended
        assert answer.headers["Content-Range"] == range_


def test_an_etag_saves_the_bytes(node: ServedNode) -> None:
    node.store.put("videos/4/a.m4s", [b"abcdefg"])
    url = node.at(node.store.signed_url("videos/4/a.m4s", in_an_hour()))
    again = httpx.get(url, headers={"If-None-Match": httpx.get(url).headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_expired_url_is_refused(node: ServedNode) -> None:
    node.store.put("videos/5/a.m4s", [b"abcdefg"])
    assert httpx.get(node.url + node.store.signed_url("videos/5/a.m4s", int(time.time()) - 5)).status_code == 403


def test_a_url_serves_only_what_it_was_signed_for(node: ServedNode) -> None:
    node.store.put("videos/6/a.m4s", [b"abc"])
    node.store.put("videos/6/b.m4s", [b"secret"])
    url = node.at(node.store.signed_url("videos/6/a.m4s", in_an_hour()))
    assert httpx.get(url).status_code == 200
    assert httpx.get(url.replace("/a.m4s", "/b.m4s")).status_code == 403
    assert httpx.get(url.split("?")[0]).status_code == 403
    assert httpx.put(url, content=b"x").status_code == 403
    assert httpx.delete(url).status_code in (403, 405)


# --- uploads in parts


def test_parts_in_any_order_become_the_object(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/1", SIZE, PART)
    assert node.store.multipart.parts("sources/1", upload) == []
    for number in (3, 1, 2):
        assert put_part(node, "sources/1", upload, number).status_code == 200
    assert node.store.multipart.parts("sources/1", upload) == [
        (1, PART, sha256(part_bytes(1))),
        (2, PART, sha256(part_bytes(2))),
        (3, 1234, sha256(part_bytes(3))),
    ]
    assert node.store.size("sources/1") is None
    info = node.store.multipart.complete("sources/1", upload)
    assert info == (SIZE, in_parts(BYTES), PART)
    assert b"".join(node.store.open("sources/1")) == BYTES
    assert node.store.multipart.complete("sources/1", upload) == info
    node.store.multipart.forget("sources/1", upload)
    node.store.multipart.forget("sources/1", upload)
    assert b"".join(node.store.open("sources/1")) == BYTES
    with pytest.raises(UploadGone):
        node.store.multipart.complete("sources/1", upload)


def test_missing_parts_are_named(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/2", SIZE, PART)
    put_part(node, "sources/2", upload, 2)
    with pytest.raises(PartsMissing) as missing:
        node.store.multipart.complete("sources/2", upload)
    assert missing.value.numbers == [1, 3]
    assert node.store.size("sources/2") is None


def test_a_part_sent_again_counts_once(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/3", PART, PART)
    put_part(node, "sources/3", upload, 1, b"x" * PART)
    put_part(node, "sources/3", upload, 1)
    assert node.store.multipart.parts("sources/3", upload) == [(1, PART, sha256(part_bytes(1)))]
    node.store.multipart.complete("sources/3", upload)
    assert b"".join(node.store.open("sources/3")) == part_bytes(1)


def test_a_wrong_checksum_is_refused(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/4", PART, PART)
    assert put_part(node, "sources/4", upload, 1, promised=b"other").status_code == 400
    assert node.store.multipart.parts("sources/4", upload) == []
    answer = put_part(node, "sources/4", upload, 1)
    assert answer.status_code == 200
    assert answer.headers["ETag"]


def test_an_aborted_upload_takes_no_parts(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/5", SIZE, PART)
    put_part(node, "sources/5", upload, 1)
    node.store.multipart.forget("sources/5", upload)
    assert put_part(node, "sources/5", upload, 2).status_code in (404, 410)
    with pytest.raises(UploadGone):
        node.store.multipart.parts("sources/5", upload)


def test_uploads_are_listed_until_forgotten(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/6", SIZE, PART)
    listed = {m.id: m for m in node.store.multipart.started()}
    assert listed[upload].key == "sources/6"
    assert abs(listed[upload].started - time.time()) < 60
    node.store.multipart.forget("sources/6", upload)
    assert upload not in {m.id for m in node.store.multipart.started()}


def test_parts_side_by_side(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/7", SIZE, PART)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda n: put_part(node, "sources/7", upload, n).status_code, (1, 2, 3)))
    assert answers == [200, 200, 200]
    node.store.multipart.complete("sources/7", upload)
    assert b"".join(node.store.open("sources/7")) == BYTES


def test_the_same_part_twice_at_once_is_one_of_the_two(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/8", PART, PART)
    bodies = [bytes([n]) * PART for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: put_part(node, "sources/8", upload, 1, body).status_code, bodies))
    assert 200 in answers
    assert set(answers) <= {200, 409}
    node.store.multipart.complete("sources/8", upload)
    assert b"".join(node.store.open("sources/8")) in bodies


def test_a_part_url_is_for_one_part(node: ServedNode) -> None:
    upload = node.store.multipart.start("sources/9", SIZE, PART)

    def of_another(url: str) -> str:
        return url.replace("part=1", "part=2").replace("partNumber=1", "partNumber=2")

    assert put_part(node, "sources/9", upload, 1, edit=of_another).status_code == 403
    assert put_part(node, "sources/9", upload, 1, expires_at=int(time.time()) - 5).status_code == 403
    assert node.store.multipart.parts("sources/9", upload) == []
