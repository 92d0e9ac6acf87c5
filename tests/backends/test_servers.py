"""The servers of ./task backends: each starts, answers, and has after kill -9 what it had confirmed before."""

import importlib
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import psycopg2
import pytest

from tests.real import need
from tools.backends.server import Server

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = "127.0.0.2"  # an address that is not the usual one
NAMES = ["postgres", "redis", "s3", "etcd", "kafka", "opensearch", "s3mock"]


class Value(NamedTuple):
    """How to write one thing to a server, and to read it."""

    write: Callable[[Server], object]
    read: Callable[[Server], object]


def _postgres(sql: str) -> Callable[[Server], Any]:
    def ask(server: Server) -> Any:
        with closing(psycopg2.connect(server.address)) as db, db, db.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None

    return ask


def _s3(server: Server) -> Any:
    import boto3  # type: ignore[import-untyped]  # it has no types
    from botocore.config import Config  # type: ignore[import-untyped]  # it has no types

    return boto3.client(
        "s3",
        endpoint_url=server.address,
        region_name="us-east-1",
        aws_access_key_id=server.exports.get("AWS_ACCESS_KEY_ID", "any"),
        aws_secret_access_key=server.exports.get("AWS_SECRET_ACCESS_KEY", "any"),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def _put(server: Server) -> None:
    _s3(server).create_bucket(Bucket="kept")
    _s3(server).put_object(Bucket="kept", Key="a", Body=b"here")


def _get(server: Server) -> object:
    return _s3(server).get_object(Bucket="kept", Key="a")["Body"].read()


def _redis(server: Server) -> Any:
    import redis

    return redis.Redis.from_url(server.address)


def _etcd(server: Server, call: str, **body: str) -> Any:
    return httpx.post(f"http://{server.address}/v3/kv/{call}", json=body, timeout=10).raise_for_status().json()


def _send(server: Server) -> None:
    from kafka import KafkaProducer  # type: ignore[import-untyped]  # it has no types
    from kafka.admin import KafkaAdminClient, NewTopic  # type: ignore[import-untyped]  # it has no types

    with closing(KafkaAdminClient(bootstrap_servers=server.address)) as admin:
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    with closing(KafkaProducer(bootstrap_servers=server.address)) as producer:
        producer.send("kept", b"here").get(timeout=30)


def _receive(server: Server) -> object:
    from kafka import KafkaConsumer

    options = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 30_000}
    with closing(KafkaConsumer("kept", bootstrap_servers=server.address, **options)) as consumer:
        return next(consumer).value


def _index(server: Server) -> None:
    httpx.put(f"{server.address}/kept/_doc/1", json={"word": "here"}, timeout=30).raise_for_status()


def _document(server: Server) -> object:
    return httpx.get(f"{server.address}/kept/_doc/1", timeout=30).json()["_source"]["word"]


VALUES = {
    "postgres": Value(
        _postgres("create table kept (word text); insert into kept values ('here')"), _postgres("select word from kept")
    ),
    "redis": Value(lambda server: _redis(server).set("kept", "here"), lambda server: _redis(server).get("kept")),
    "s3": Value(_put, _get),
    "s3mock": Value(_put, _get),
    "etcd": Value(
        lambda server: _etcd(server, "put", key="a2VwdA==", value="aGVyZQ=="),
        lambda server: _etcd(server, "range", key="a2VwdA==")["kvs"][0]["value"],
    ),
    "kafka": Value(_send, _receive),
    "opensearch": Value(_index, _document),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_confirmed_is_there_after_kill_9(name: str, tmp_path: Path) -> None:
    need(name)  # what runs is installed; here runs one of the test's own
    server: Server = importlib.import_module(f"tools.backends.{name}").start(tmp_path, ELSEWHERE)
    try:
        value, address = VALUES[name], server.address
        at = urlsplit(address if "://" in address else f"//{address}")
        assert at.hostname == ELSEWHERE
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", at.port))
        value.write(server)
        before = value.read(server)
        server.kill()
        assert not server.alive()
        server.restart()
        assert (server.address, value.read(server)) == (address, before)
    finally:
        server.stop()
    assert not server.alive()


def test_kafka_starts_whatever_its_id_begins_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In base64 one id in 64 begins with a dash, as an option does."""
    need("kafka")
    monkeypatch.setattr("uuid.uuid4", lambda: uuid.UUID(bytes=bytes([0xFB, *bytes(15)])))
    server: Server = importlib.import_module("tools.backends.kafka").start(tmp_path, ELSEWHERE)
    server.stop()
    assert "cluster.id=-wAA" in (tmp_path / "kafka" / "data" / "meta.properties").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    need("redis")
    yield tmp_path
    backends("down", tmp_path)


def backends(command: str, folder: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, "-P", "-m", "tools.backends", command, "--folder", str(folder), *options]
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(arguments, env=variables, capture_output=True, text=True, check=False, timeout=300)


def pid_of(name: str, folder: Path) -> int:
    from tools.backends import server

    found = server.running(name, folder)
    assert found is not None
    return found.pid


def test_the_second_call_finds_what_runs_and_starts_what_died(folder: Path) -> None:
    first = backends("up", folder, "--only", "redis,etcd")
    assert first.returncode == 0, first.stderr
    assert {line.split("=")[0] for line in first.stdout.splitlines()} == {"export REDIS_URL", "export ETCD_ENDPOINTS"}
    assert first.stdout.replace("export ", "") == (folder / "env").read_text()
    redis, etcd = pid_of("redis", folder), pid_of("etcd", folder)
    os.kill(redis, signal.SIGKILL)
    second = backends("up", folder, "--only", "redis,etcd")
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert pid_of("etcd", folder) == etcd
    assert pid_of("redis", folder) != redis


def test_down_stops_them(folder: Path) -> None:
    assert backends("up", folder, "--only", "redis").returncode == 0
    address = (folder / "env").read_text().split("=", 1)[1].strip()
    assert backends("down", folder).returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(address).hostname, urlsplit(address).port))
    assert (folder / "env").read_text() == ""


def test_on_another_address_the_exports_name_it_and_the_usual_one_is_free(folder: Path) -> None:
    up = backends("up", folder, "--only", "redis", "--host", ELSEWHERE)
    assert up.stdout.startswith(f"export REDIS_URL=redis://{ELSEWHERE}:"), up.stderr
    port = urlsplit(up.stdout.split("=", 1)[1]).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    pid = pid_of("redis", folder)
    moved = backends("up", folder, "--only", "redis")
    assert (moved.returncode, moved.stderr) == (
        1, f"redis runs already, on {ELSEWHERE} and not on 127.0.0.1: stop it first.\n"
    )  # fmt: skip
    assert pid_of("redis", folder) == pid


@pytest.mark.parametrize("address", ["0.0.0.0", "somewhere"])
def test_all_addresses_at_once_are_refused(address: str, tmp_path: Path) -> None:
    refused = backends("up", tmp_path, "--only", "redis", "--host", address)
    assert refused.returncode == 2
    assert "--host" in refused.stderr


def test_two_at_once_start_one_server(folder: Path) -> None:
    arguments = [sys.executable, "-P", "-m", "tools.backends", "up", "--folder", str(folder), "--only", "redis"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] != ""


@pytest.mark.parametrize(("name", "missing"), [("opensearch", "mvn is missing"), ("redis", "apt-get is missing")])
def test_what_cannot_be_installed_is_said_in_one_line(name: str, missing: str, tmp_path: Path) -> None:
    found = backends("up", tmp_path / "data", "--only", name, PATH="", XDG_CACHE_HOME=str(tmp_path))
    assert found.returncode == 1
    assert found.stdout == ""
    [line] = found.stderr.splitlines()
    assert line.startswith(f"{name} cannot be installed: {missing}")


@pytest.mark.parametrize("name", ["s3", "etcd"])
def test_without_a_network_the_line_says_so(name: str, tmp_path: Path) -> None:
    need(name)  # then Go is there
    nowhere = {"GOPROXY": "http://127.0.0.1:9", "GOMODCACHE": str(tmp_path / "modules")}
    found = backends("up", tmp_path / "data", "--only", name, XDG_CACHE_HOME=str(tmp_path), **nowhere)
    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert line.startswith(f"{name} cannot be installed: go: ")
    assert "connection refused" in line


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    refused = backends("up", tmp_path, "--only", "mysql")
    assert refused.returncode == 2
    assert "no server has the name mysql" in refused.stderr
