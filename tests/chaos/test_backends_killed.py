"""Each real server is killed with -9 while the platform, which uses all of them at once, works: nothing is lost."""

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import psycopg2
import pytest

from tests.chaos.media import film, renditions
from tests.cli.runs import User, free_port
from tests.patience import until
from tests.real import need
from tools.backends import etcd, kafka, opensearch, postgres, redis, s3
from tools.backends.server import Server

SEED = 20261125
WITHIN = 300.0
SERVERS: dict[str, ModuleType] = {module.NAME: module for module in (postgres, kafka, s3, opensearch, redis, etcd)}
BUCKETS = ("wadi-one", "wadi-two", "wadi-three")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    for name in SERVERS:
        need(name)
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as ends:
        started = {}
        for name, module in SERVERS.items():
            started[name] = module.start(folder)
            ends.callback(started[name].stop)
        yield started


@pytest.fixture(scope="module")
def user(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    extra = {key: value for server in servers.values() for key, value in server.exports.items()}
    extra |= {"WADI_PORT": str(free_port()), "AWS_S3_BUCKET": ",".join(BUCKETS), "OPENSEARCH_REPLICAS": "0"}
    owner = User(tmp_path_factory.mktemp("owner"), extra=extra)
    for arguments in (["storage", "init"], ["up"]):
        ended = owner.wadi(*arguments)
        assert ended.code == 0, ended.err
    ended = owner.wadi("register", "owner@example.org", "--password-stdin", stdin="correct horse battery\n")
    assert ended.code == 0, ended.err
    yield owner
    assert owner.wadi("down").code == 0


def test_every_server_killed_loses_nothing(servers: dict[str, Server], user: User, tmp_path: Path) -> None:
    clip = film(tmp_path / "calm.mp4", seconds=9)
    with httpx.Client(base_url=user.wadi("status", "--json").objects[0]["url"], timeout=30) as client:
        expected = _ready(client, _upload(user, clip))

        chance = random.Random(SEED)
        order = chance.sample(sorted(servers), len(servers))
        videos = {}
        for name in order:
            copy = tmp_path / f"during-{name}.mp4"
            shutil.copyfile(clip, copy)
            videos[name] = _upload(user, copy)
            time.sleep(chance.uniform(0.1, 2.0))  # the moment, not a wait for something
            servers[name].kill()
            time.sleep(chance.uniform(0.0, 2.0))  # and for how long it is away
            servers[name].restart()

        found = {name: _ready(client, video) for name, video in videos.items()}
        assert found == dict.fromkeys(order, expected), f"killed: {order}"
        for name, video in videos.items():
            until(
                partial(_finds, client, f"during {name}", video),
                f"{name}'s video is found",
                WITHIN,
            )
    until(lambda: _outbox(servers["postgres"].address) == 0, "the outbox is empty", WITHIN)
    until(
        lambda: not any(one["owed"] for one in user.wadi("ps", "--json").objects),
        "no function is owed an event",
        WITHIN,
    )


def _finds(client: httpx.Client, text: str, video: str) -> bool:
    return video in _search(client, text)


def _upload(user: User, clip: Path) -> str:
    ended = user.wadi("upload", str(clip), "--json", timeout=WITHIN)
    assert ended.code == 0, ended.err
    return str(ended.objects[-1]["id"])


def _ready(client: httpx.Client, video: str) -> dict[str, str]:
    """Waits for a video; the hash of every rendition's bytes."""
    said: dict[str, Any] = {}

    def settled() -> bool:
        said.update(client.get(f"/api/videos/{video}/status").json())
        return said.get("state") in ("ready", "failed")

    until(settled, lambda: f"{video} is ready, not {said}", WITHIN)
    assert said["state"] == "ready", said
    return renditions(client, video)


def _search(client: httpx.Client, words: str) -> set[str]:
    answer = client.get("/api/search", params={"q": words}).json()
    return {one["video_id"] for one in answer.get("results", [])}


def _outbox(url: str) -> int:
    with closing(psycopg2.connect(url)) as db, db.cursor() as cursor:
        cursor.execute("select count(*) from outbox")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
