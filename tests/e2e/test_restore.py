"""A backup is one once it was restored: docs/deploy/examples/backup.sh and restore.sh, as docs/deploy/backup.md tells.

The platform that was backed up is taken away, servers of other addresses with nothing in them are started, and there
the film plays, byte for byte; what was on its way when the backup was made is finished there.
"""

import hashlib
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import httpx
import psycopg2
import pytest

from local.postgres.binaries import find_all
from shared.ids import new_id
from tests import real
from tests.buckets import buckets
from tests.cli.runs import User, free_port, small_clip
from tests.e2e.playlists import hls_tracks
from tools.backends import debian, postgres, s3
from tools.backends.cache import BackendError

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/deploy/examples"
WITHIN = 240
EMAIL, PASSWORD = "owner@example.org", "correct horse battery\n"


@pytest.fixture(scope="module")
def programs() -> str:
    """PATH with rclone and the programs of PostgreSQL."""
    folders = [str(find_all()[0].folder)]
    if not shutil.which("rclone"):
        try:
            tree = debian.tree("rclone", "rclone")
        except BackendError as error:
            (pytest.fail if os.environ.get("REQUIRE_BACKENDS") else pytest.skip)(str(error))
        folders.append(str(tree / "usr/bin"))
    return os.pathsep.join([*folders, os.environ["PATH"]])


@pytest.fixture
def database() -> Iterator[str]:
    """An empty database on the real server."""
    url, name = real.need("postgres"), f"wadi_{new_id().replace('-', '')}"
    with closing(psycopg2.connect(url)) as admin:
        admin.autocommit = True
        admin.cursor().execute(f"create database {name}")
        yield f"{url.rpartition('/')[0]}/{name}"
        admin.cursor().execute(f"drop database if exists {name} with (force)")


def script(name: str, programs: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = ["sh", str(EXAMPLES / name), *arguments]
    environment = {"PATH": programs, "HOME": "/nonexistent", "RCLONE_CONFIG": "/dev/null"} | settings
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False)


def done(ended: Any) -> Any:
    """A command that went well."""
    code = getattr(ended, "code", getattr(ended, "returncode", None))
    assert code == 0, getattr(ended, "err", "") or getattr(ended, "stderr", "")
    return ended


def begin(user: User, clip: Path) -> dict[str, Any]:
    done(user.wadi("up"))
    done(user.wadi("register", EMAIL, "--password-stdin", stdin=PASSWORD))
    return dict(done(user.wadi("upload", str(clip), "--watch", "--json", timeout=WITHIN)).objects[-1])


def played(user: User, video_id: str) -> list[str]:
    """The SHA-256 of each track as a player gets it; the pictures are decoded as well."""
    base = done(user.wadi("status", "--json")).objects[-1]["url"]
    digests = []
    with httpx.Client(timeout=60) as client:
        for track in hls_tracks(client, f"{base}/api/videos/{video_id}/manifest/master.m3u8"):
            content = track.fetch(client)
            digests.append(hashlib.sha256(content).hexdigest())
            if track.height:
                with av.open(io.BytesIO(content), "r") as container:
                    assert sum(1 for _ in container.decode(video=0)) == 50  # two seconds
    return digests


def login_and_find(user: User, words: str) -> list[str]:
    done(user.wadi("login", EMAIL, "--password-stdin", stdin=PASSWORD))
    done(user.wadi("users", "role", EMAIL, "ADMIN"))
    done(user.wadi("login", EMAIL, "--password-stdin", stdin=PASSWORD))
    return [each["video_id"] for each in done(user.wadi("search", words, "--json")).objects]


def all_is_whole(user: User) -> None:
    """Every replica that the database names is there and is what it was."""
    status = done(user.wadi("scrub", "--start", "--wait", "--json", timeout=WITHIN)).objects[0]
    assert status["checked"] > 0
    assert (status["damaged"], status["lost_count"]) == (0, 0)


def test_real_servers(programs: str, database: str, tmp_path: Path) -> None:
    clip, late = small_clip(tmp_path / "desert rain.mp4"), tmp_path / "late flood.mp4"
    shutil.copy(clip, late)
    search = {"OPENSEARCH_URL": real.need("opensearch"), "OPENSEARCH_REPLICAS": "0"}
    common = {"JWT_SECRET": "the same secret before and after the disaster", "REPLICATION_FACTOR": "2", **search}
    backup = str(tmp_path / "backup")
    with buckets("wadi", 3) as names:
        places = f"{names[0]},{names[1]}/some/prefix,{names[2]}"
        here = real.s3_settings() | {"DATABASE_URL": database, "AWS_S3_BUCKET": places}
        index = {"OPENSEARCH_INDEX": f"before-{new_id()[-12:]}"}
        owner = User(tmp_path / "owner", extra={"WADI_PORT": str(free_port()), **common, **here, **index})
        owner.home.mkdir()
        try:
            film = begin(owner, clip)
            expected = played(owner, film["id"])
            done(script("backup.sh", programs, backup, **here))  # the platform goes on meanwhile
            uploaded = done(owner.wadi("upload", str(late), "--json")).objects[-1]
        finally:
            done(owner.wadi("down"))
        dump = done(script("backup.sh", programs, backup, **here)).stdout.strip()
        refused = script("restore.sh", programs, backup, **here)
        assert refused.returncode != 0  # a database that is not empty
        assert "already exists" in refused.stderr
    there = postgres.start(tmp_path / "there")
    store = s3.start(tmp_path / "there")
    moved = "elsewhere-1,elsewhere-2/other/prefix,elsewhere-3"
    now = {"DATABASE_URL": there.address, **store.exports, "AWS_S3_BUCKET": moved}
    extra = {"WADI_PORT": str(free_port()), **common, **now, "OPENSEARCH_INDEX": f"after-{new_id()[-12:]}"}
    heir = User(tmp_path / "heir", extra=extra)
    heir.home.mkdir()
    try:
        done(heir.wadi("storage", "init"))
        assert done(script("restore.sh", programs, backup, FROM=places, **now)).stdout.strip() == dump
        nodes = done(heir.wadi("storage", "register", "--json")).objects
        assert sorted(node["location"] for node in nodes) == sorted(f"s3://{each}" for each in moved.split(","))
        done(heir.wadi("up"))
        done(heir.wadi("reindex"))
        assert played(heir, film["id"]) == expected
        assert login_and_find(heir, "desert") == [film["id"]]
        finished = done(heir.wadi("status", uploaded["id"], "--watch", "--json", timeout=WITHIN)).objects[-1]
        assert finished["state"] == "ready"
        assert len(played(heir, uploaded["id"])) == len(expected)
        all_is_whole(heir)
    finally:
        heir.wadi("down")
        store.stop()
        there.stop()


def test_a_single_box(programs: str, tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "desert rain.mp4")
    owner = User(tmp_path / "owner", extra={"WADI_PORT": str(free_port())})
    owner.home.mkdir()
    data, backup = owner.home / "data", tmp_path / "backup"
    try:
        film = begin(owner, clip)
        expected = played(owner, film["id"])
        here = {"DATABASE_URL": url_of(data), "OBJECTS": str(data / "objects")}
        done(script("backup.sh", programs, str(backup), **here))
        shutil.copy(data / "secret", backup / "secret")
    finally:
        done(owner.wadi("down"))
    shutil.rmtree(owner.home)

    heir = User(tmp_path / "heir", extra={"WADI_PORT": str(free_port())})
    data = heir.home / "data"
    data.mkdir(parents=True)
    shutil.copytree(backup / "objects", data / "objects")
    shutil.copy(backup / "secret", data / "secret")
    try:
        done(heir.wadi("up"))
        [dump] = (backup / "database").iterdir()
        restore = ["pg_restore", "--clean", "--if-exists", "--exit-on-error", "--single-transaction", "--no-owner"]
        command = [*restore, "-d", url_of(data), str(dump)]
        environment = {"PATH": programs}
        done(subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False))
        done(heir.wadi("down"))
        done(heir.wadi("up"))
        assert played(heir, film["id"]) == expected
        assert login_and_find(heir, "desert") == [film["id"]]
        all_is_whole(heir)
    finally:
        heir.wadi("down")


def url_of(data: Path) -> str:
    """As the documentation has it: of the PostgreSQL that the platform has started."""
    password, port = ((data / "postgres" / name).read_text().strip() for name in ("password", "port"))
    return f"postgresql://wadi:{password}@127.0.0.1:{port}/wadi"
