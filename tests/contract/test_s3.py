"""What only S3 nodes have: parts behind one put, copies on the server, URLs for another host, refusals in words."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.config import ConfigError
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectMissing, UploadGone
from shared.objects.factory import create_store, identity_of, open_store
from shared.objects.s3.setup import prepare
from shared.objects.s3.store import S3Store
from tests.buckets import buckets, remove, s3, s3_settings
from tests.cli.runs import free_port
from tests.real import need

MIB = 1024 * 1024
BIG = hashlib.shake_256(b"big").digest(20 * MIB + 77)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def soon() -> int:
    return int(time.time()) + 3600


@pytest.fixture(scope="module")
def names() -> Iterator[list[str]]:
    with buckets("s3", 2) as made:
        yield made


@pytest.fixture
def store(names: list[str]) -> S3Store:
    return S3Store("node-1", f"s3://{names[0]}")


@pytest.fixture
def other(names: list[str]) -> S3Store:
    return S3Store("node-2", f"s3://{names[1]}/deep/down")


# --- objects


def test_what_is_bigger_than_one_request(store: S3Store, names: list[str]) -> None:
    chunks = [BIG[i : i + 777_777] for i in range(0, len(BIG), 777_777)]
    assert store.put("big/1", chunks) == (len(BIG), sha256(BIG), None)
    assert b"".join(store.open("big/1")) == BIG
    assert b"".join(store.open("big/1", 9 * MIB, 9 * MIB + 10)) == BIG[9 * MIB :][:10]
    assert s3().head_object(Bucket=names[0], Key="objects/big/1")["ContentType"] == "application/octet-stream"


@pytest.mark.parametrize("size", [8 * MIB - 1, 8 * MIB, 16 * MIB])
def test_sizes_where_parts_end(store: S3Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("MAX_UPLOAD_BYTES", str(size))
    assert store.put("big/2", [BIG[:size]]) == (size, sha256(BIG[:size]), None)
    assert b"".join(store.open("big/2")) == BIG[:size]


def test_half_of_something_big_leaves_nothing(store: S3Store) -> None:
    def breaks() -> Iterator[bytes]:
        yield BIG
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.put("big/3", breaks())
    with pytest.raises(ChecksumMismatch):
        store.put("big/3", [BIG], sha256=sha256(b"else"))
    assert store.size("big/3") is None
    assert store.multipart.started() == []


def test_what_a_killed_put_leaves_can_be_found_and_removed(store: S3Store, names: list[str]) -> None:
    left = s3().create_multipart_upload(Bucket=names[0], Key="objects/big/4")["UploadId"]
    (found,) = store.multipart.started()
    assert (found.id, found.key) == (left, "big/4")
    store.multipart.forget(found.key, found.id)
    assert store.multipart.started() == []


def test_objects_carry_their_checksum_and_how_long_they_may_be_kept(store: S3Store, names: list[str]) -> None:
    store.put("videos/1/poster.jpg", [b"abc"])
    head = s3().head_object(Bucket=names[0], Key="objects/videos/1/poster.jpg", ChecksumMode="ENABLED")
    assert head["Metadata"]["sha256"] == sha256(b"abc")
    assert head["ChecksumSHA256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert head["ContentType"] == "image/jpeg"
    assert "immutable" in head["CacheControl"]


def test_a_completion_whose_answer_was_lost_is_answered_again(store: S3Store) -> None:
    upload = store.multipart.start("sources/1", 3, 8 * MIB)
    url = store.multipart.signed_part_url("sources/1", upload, 1, soon(), sha256=sha256(b"abc"))
    checksum = {"x-amz-checksum-sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}
    assert httpx.put(url, content=b"abc", headers=checksum).status_code == 200
    info = store.multipart.complete("sources/1", upload)
    assert store.multipart.parts("sources/1", upload) == [
        (1, 3, sha256(b"abc"))
    ]  # a client that asks has nothing left to send
    assert store.multipart.complete("sources/1", upload) == info
    store.delete("sources/1")
    with pytest.raises(UploadGone):
        store.multipart.complete("sources/1", upload)
    store.multipart.forget("sources/1", upload)


def test_a_part_of_another_length_does_not_count(store: S3Store) -> None:
    upload = store.multipart.start("sources/2", 4, 8 * MIB)
    url = store.multipart.signed_part_url("sources/2", upload, 1, soon(), sha256=sha256(b"abc"))
    checksum = {"x-amz-checksum-sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}
    assert httpx.put(url, content=b"abc", headers=checksum).status_code == 200
    assert store.multipart.parts("sources/2", upload) == []
    store.multipart.forget("sources/2", upload)


# --- copies on the server


def test_a_copy_on_the_server(store: S3Store, other: S3Store, names: list[str]) -> None:
    store.put("videos/2/a.mp4", [b"abc"])
    assert other.copy_from(store, "videos/2/a.mp4", sha256(b"abc"), None)
    assert b"".join(other.open("videos/2/a.mp4")) == b"abc"
    assert s3().head_object(Bucket=names[1], Key="deep/down/objects/videos/2/a.mp4")["ContentType"] == "video/mp4"


def test_a_copy_of_other_bytes_is_not_kept(store: S3Store, other: S3Store) -> None:
    store.put("videos/3/a.mp4", [b"abc"])
    with pytest.raises(ChecksumMismatch):
        other.copy_from(store, "videos/3/a.mp4", sha256(b"abd"), None)
    assert other.size("videos/3/a.mp4") is None


def test_what_the_server_cannot_copy(store: S3Store, other: S3Store, tmp_path: Path) -> None:
    elsewhere = S3Store("node-3", "s3://bucket", {"endpoint": "http://localhost:9"})
    assert not other.copy_from(elsewhere, "videos/2/a.mp4", sha256(b"abc"), None)
    assert not other.copy_from(create_store("d", "directory", str(tmp_path)), "videos/2/a.mp4", sha256(b"abc"), None)
    assert not other.copy_from(store, "videos/none", sha256(b"abc"), None)
    assert not other.copy_from(store, "videos/2/a.mp4", sha256(b"abc"), 8 * MIB)  # verified by parts


# --- URLs


def test_urls_are_made_for_the_public_name(store: S3Store, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("videos/4/a.m4s", [b"abc"])
    inside = urlsplit(store.signed_url("videos/4/a.m4s", soon()))
    monkeypatch.setenv("S3_PUBLIC_URL", "https://media.example.org/")
    public = S3Store("node-1", f"s3://{names[0]}")
    assert public.origin == "https://media.example.org"
    url = public.signed_url("videos/4/a.m4s", soon())
    assert url.startswith(f"https://media.example.org/{names[0]}/objects/videos/4/a.m4s?")
    # a proxy passes on the name that it was asked for
    query = urlsplit(url).query
    answer = httpx.get(f"http://{inside.netloc}{inside.path}?{query}", headers={"Host": "media.example.org"})
    assert (answer.status_code, answer.content) == (200, b"abc")
    assert httpx.get(f"http://{inside.netloc}{inside.path}?{query}").status_code == 403


def test_urls_of_a_node_with_a_server_of_its_own(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_PUBLIC_URL", "https://media.example.org")
    own = {"endpoint": "https://s3.elsewhere.example", "region": "eu-west-9"}
    url = S3Store("n", "s3://bucket", own).signed_url("a", soon())
    assert url.startswith("https://s3.elsewhere.example/bucket/objects/a?")
    assert "eu-west-9" in url
    public = S3Store("n", "s3://bucket", {**own, "public": "https://cdn.example"})
    assert public.signed_url("a", soon()).startswith("https://cdn.example/bucket/objects/a?")
    monkeypatch.setenv("S3_ADDRESSING", "virtual")
    virtual = S3Store("n", "s3://bucket/p", own)
    assert virtual.origin == "https://bucket.s3.elsewhere.example"
    assert virtual.signed_url("a", soon()).startswith("https://bucket.s3.elsewhere.example/p/objects/a?")


def test_one_url_for_the_whole_hour(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(now: float) -> str:
        monkeypatch.setattr(time, "time", lambda: now)
        return store.signed_url("a", 1_800_050_000)

    assert at(1_800_000_000) == at(1_800_003_599)
    assert at(1_800_000_000) != at(1_800_003_600)
    lifetime = parse_qs(urlsplit(at(1_800_000_100)).query)
    assert (lifetime["X-Amz-Date"], lifetime["X-Amz-Expires"]) == (["20270115T080000Z"], ["50000"])


def test_temporary_credentials_go_along(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token/with=signs")
    assert "&X-Amz-Security-Token=a%20token%2Fwith%3Dsigns&" in store.signed_url("a", soon())


def test_signing_needs_no_boto3(store: S3Store) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from shared.objects.factory import open_store;"
        "print(open_store('n', 's3', 's3://bucket').signed_url('a', 2_000_000_000)); print('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "False"


def test_credentials_of_a_profile(names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the standard file, and what the environment says does not count."""
    import os

    file = tmp_path / "credentials"
    file.write_text(
        f"[archive]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    node = S3Store("n", f"s3://{names[0]}/profile", {"profile": "archive"})
    node.put("a", [b"abc"])
    assert httpx.get(node.signed_url("a", soon())).content == b"abc"
    with pytest.raises(NodeUnavailable, match="unknown-profile"):
        S3Store("n", f"s3://{names[0]}", {"profile": "unknown-profile"}).size("a")


# --- refusals


def test_a_bucket_that_is_not_there(names: list[str]) -> None:
    nowhere = S3Store("n", f"s3://{names[0]}-none")
    for action in (
        nowhere.check,
        lambda: nowhere.put("a", [b"a"]),
        lambda: nowhere.size("a"),
        lambda: nowhere.open("a"),
        lambda: nowhere.delete("a"),
        lambda: nowhere.multipart.start("a", 1, 1),
        nowhere.multipart.started,
    ):
        with pytest.raises(NodeUnavailable, match="wadi storage init"):
            action()


def test_credentials_that_are_refused(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of somebody else")
    refused = S3Store("n", f"s3://{names[0]}")
    with pytest.raises(NodeUnavailable, match="AWS_ACCESS_KEY_ID"):
        refused.put("a", [b"a"])
    with pytest.raises(NodeUnavailable):
        refused.size("a")
    assert httpx.get(refused.signed_url("a", soon())).status_code == 403


def test_no_credentials_at_all(names: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = S3Store("n", f"s3://{names[0]}")
    with pytest.raises(NodeUnavailable, match="credentials"):
        store.size("a")
    with pytest.raises(NodeUnavailable, match="AWS_ACCESS_KEY_ID"):
        store.signed_url("a", soon())


def test_a_server_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with s3_settings(url), pytest.raises(NodeUnavailable, match=url):
        S3Store("n", "s3://bucket").size("a")


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_TIMEOUT_SECONDS", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with s3_settings(url), pytest.raises(NodeUnavailable, match="Read timeout"):
            S3Store("n", "s3://bucket").size("a")


@contextmanager
def answering(status: int, code: str) -> Iterator[tuple[str, list[Message]]]:
    """A server that answers every request with one of S3's errors; its address, and the headers that came."""
    asked: list[Message] = []
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(self.headers)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "QuotaExceeded", NodeFull),
        (507, "InsufficientStorage", NodeFull),
        (400, "BadDigest", ChecksumMismatch),
        (500, "InternalError", NodeUnavailable),
        (503, "SlowDown", NodeUnavailable),
        (403, "ExpiredToken", NodeUnavailable),
    ],
)
def test_what_servers_say(status: int, code: str, error: type[Exception]) -> None:
    with answering(status, code) as (url, _), s3_settings(url), pytest.raises(error, match="so it is"):
        S3Store("n", "s3://bucket").put("a", [b"abc"])


def test_a_bucket_that_goes_while_it_is_read() -> None:
    with buckets("goes") as (name,):
        store = S3Store("n", f"s3://{name}")
        store.put("a", [BIG])
        reading = store.open("a", 5)
        assert next(reading)
        remove(name)
        with pytest.raises((NodeUnavailable, ObjectMissing)):
            store.open("a")
        with pytest.raises(NodeUnavailable):
            store.size("a")


# --- which node it is


def test_a_place_is_one_node(names: list[str]) -> None:
    location = f"s3://{names[0]}/own/place"
    assert identity_of("s3", location) is None
    assert create_store("node-7", "s3", location).id == "node-7"
    assert identity_of("s3", location) == "node-7"
    create_store("node-7", "s3", location)
    with pytest.raises(NodeUnavailable, match="is the node node-7, not node-8"):
        create_store("node-8", "s3", location)
    assert open_store("node-7", "s3", location).size("a") is None


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("bucket", {}, "names no bucket"),
        ("s3://", {}, "names no bucket"),
        ("s3://Bucket", {}, "names no bucket"),
        ("s3://bucket/../x", {}, "prefix"),
        ("s3://bucket/a b", {}, "prefix"),
        ("s3://bucket", {"endpoint": "127.0.0.1:9000"}, "S3_ENDPOINT_URL"),
        ("s3://bucket", {"public": "https://cdn.example/path"}, "S3_PUBLIC_URL"),
        ("s3://bucket", {"secret": "x"}, "no option"),
    ],
)
def test_locations_that_are_none(location: str, options: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_store("n", "s3", location, options)


@pytest.mark.parametrize(
    ("name", "value"), [("S3_ENDPOINT_URL", "s3.example"), ("S3_ADDRESSING", "sideways"), ("S3_PUBLIC_URL", "ftp://x")]
)
def test_settings_that_cannot_be_used(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        open_store("n", "s3", "s3://bucket")


# --- preparing a bucket


def test_a_bucket_is_made_and_opened_to_browsers() -> None:
    with buckets("init") as (name,):
        remove(name)
        steps = {step.what: step.outcome for step in prepare(f"s3://{name}", {}, ["https://videos.example"])}
        # this server does not know lifecycles
        assert steps == {"bucket": "done", "checksums": "kept", "cors": "done", "lifecycle": "missing"}
        again = {step.what: step.outcome for step in prepare(f"s3://{name}", {}, ["https://videos.example"])}
        assert again == {**steps, "bucket": "kept"}
        (rule,) = s3().get_bucket_cors(Bucket=name)["CORSRules"]
        assert rule["AllowedOrigins"] == ["https://videos.example"]
        store = S3Store.create("n", f"s3://{name}")
        store.put("a", [b"abc"])
        asked = {"Origin": "https://videos.example", "Access-Control-Request-Method": "GET"}
        answer = httpx.options(store.signed_url("a", soon()), headers=asked)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://videos.example"
        elsewhere = httpx.options(store.signed_url("a", soon()), headers={**asked, "Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in elsewhere.headers


def test_rules_of_others_are_kept() -> None:
    with buckets("init") as (name,):
        theirs = {"ID": "theirs", "AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}
        s3().put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [theirs]})
        for _ in range(2):
            list(prepare(f"s3://{name}/here", {}, ["*"]))
        assert {rule["ID"] for rule in s3().get_bucket_cors(Bucket=name)["CORSRules"]} == {"theirs", "wadi-here"}


def test_a_bucket_that_may_not_be_made() -> None:
    with buckets("init") as (name,), pytest.raises(NodeUnavailable, match="no such bucket"):
        list(prepare(f"s3://{name}-none", {}, ["*"], create=False))


def test_a_server_that_only_claims_to_encrypt_is_told_of(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SSE", "AES256")
    steps = {step.what: step.outcome for step in prepare(f"s3://{names[0]}", {}, ["*"])}
    assert steps["encryption"] == "missing"
    monkeypatch.setenv("S3_SSE", "rot13")
    with pytest.raises(ConfigError, match="S3_SSE"):
        S3Store("n", f"s3://{names[0]}").put("a", [b"abc"])


# --- on a server that knows encryption and lifecycles


@pytest.fixture
def mocked() -> Iterator[str]:
    """A fresh bucket there."""
    with buckets("sse", endpoint=need("s3mock")) as (name,):
        yield name


@pytest.mark.parametrize("kind", ["AES256", "aws:kms"])
def test_objects_are_encrypted(mocked: str, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Those that come in parts from clients too: it is said when an upload begins."""
    monkeypatch.setenv("S3_SSE", kind)
    store = S3Store.create("n", f"s3://{mocked}")
    store.put("small", [b"abc"])
    for stored in ("node.json", "objects/small"):
        assert s3().head_object(Bucket=mocked, Key=stored)["ServerSideEncryption"] == kind
    upload = store.multipart.start("parts", 3, 8 * MIB)
    whole = {"Bucket": mocked, "Key": "objects/parts", "UploadId": upload}
    checksum = {"ChecksumSHA256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}
    part = s3().upload_part(**whole, PartNumber=1, Body=b"abc", **checksum)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], **checksum}]}
    assert s3().complete_multipart_upload(**whole, MultipartUpload=parts)["ServerSideEncryption"] == kind
    store.put("big", [BIG])  # in parts of its own
    assert b"".join(store.open("big")) == BIG


def test_a_copy_of_which_the_server_says_no_checksum_is_not_kept(mocked: str) -> None:
    store, copy = S3Store("n", f"s3://{mocked}"), S3Store("m", f"s3://{mocked}/copies")
    store.put("small", [b"abc"])
    assert not copy.copy_from(store, "small", sha256(b"abc"), None)
    assert copy.size("small") is None


def test_the_kms_key_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SSE", "aws:kms")
    monkeypatch.setenv("S3_KMS_KEY_ID", "a-key")
    with answering(500, "InternalError") as (url, asked), s3_settings(url), pytest.raises(NodeUnavailable):
        S3Store("n", "s3://bucket").put("a", [b"abc"])
    assert asked[0]["x-amz-server-side-encryption"] == "aws:kms"
    assert asked[0]["x-amz-server-side-encryption-aws-kms-key-id"] == "a-key"


def test_unfinished_uploads_are_left_to_the_server(mocked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SSE", "AES256")
    monkeypatch.setenv("UPLOAD_EXPIRES_HOURS", "30")
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 9}}
    s3().put_bucket_lifecycle_configuration(Bucket=mocked, LifecycleConfiguration={"Rules": [theirs]})
    for _ in range(2):
        steps = {step.what: step.outcome for step in prepare(f"s3://{mocked}/here", {}, ["*"])}
        assert steps["lifecycle"] == "done"
        assert steps["encryption"] == "done"
    rules = {r["ID"]: r for r in s3().get_bucket_lifecycle_configuration(Bucket=mocked)["Rules"]}
    assert set(rules) == {"theirs", "wadi-here"}
    assert rules["wadi-here"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert rules["wadi-here"]["Filter"]["Prefix"] == "here/"
