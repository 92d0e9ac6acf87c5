"""The platform on S3: three nodes on a real server (two buckets and a prefix of a third), which clients reach through a
proxy under another name."""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cli.exits import Exit
from tests.buckets import buckets, keys, remove, s3
from tests.cli.breaking_proxy import BreakingProxy
from tests.cli.runs import User, free_port, small_clip
from tests.e2e.playlists import dash_files, fetch, hls_tracks
from tests.patience import until

WITHIN = 180
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def names() -> Iterator[list[str]]:
    with buckets("wadi", 3) as made:
        yield made


@pytest.fixture(scope="module")
def front(names: list[str]) -> Iterator[BreakingProxy]:
    """What clients take for the S3 server. It passes on the Host that they ask for."""
    proxy = BreakingProxy(urlsplit(os.environ["S3_ENDPOINT_URL"]).port or 0)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def owner(names: list[str], front: BreakingProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    places = f"{names[0]},{names[1]}/some/prefix,{names[2]}"
    extra = {
        "WADI_PORT": str(free_port()),
        "AWS_S3_BUCKET": places,
        "S3_PUBLIC_URL": f"http://localhost:{front.port}",
    }
    user = User(tmp_path_factory.mktemp("owner"), extra=extra)
    ready = user.wadi("storage", "init", "--json")
    assert ready.code == Exit.OK, ready.err
    started = user.wadi("up", "--json")
    assert started.code == Exit.OK, started.err
    registered = user.wadi("register", "owner@example.org", "--password-stdin", stdin="correct horse battery\n")
    assert registered.code == Exit.OK, registered.err
    yield user
    assert user.wadi("down").code == Exit.OK


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip") / "desert rain.mp4")


@pytest.fixture(scope="module")
def made(owner: User, clip: Path) -> dict[str, Any]:
    ended = owner.wadi("upload", str(clip), "--watch", "--json", timeout=WITHIN)
    assert ended.code == Exit.OK, ended.err
    return ended.objects[-1]


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Bytes for several parts; what is in them does not matter."""
    file = tmp_path / "long.mp4"
    with file.open("wb") as out:
        for number in range(48):
            out.write(number.to_bytes(4, "big") * (MIB // 4))
    return file


def segments_of(owner: User, video_id: str) -> list[dict[str, Any]]:
    base = owner.wadi("status", "--json").objects[-1]["url"]
    answer = httpx.get(f"{base}/api/videos/{video_id}/segments", timeout=30)
    answer.raise_for_status()
    return list(answer.json()["segments"])


def test_a_player_fetches_all_media_from_s3_under_its_public_name(
    owner: User, made: dict[str, Any], front: BreakingProxy
) -> None:
    assert made["state"] == "ready"
    with httpx.Client(timeout=30) as client:
        tracks = hls_tracks(client, made["hls_url"])
        files = dash_files(client, made["dash_url"])
        stored = {segment["sha256"] for segment in segments_of(owner, made["id"])}
        watch = client.get(made["watch_url"]).headers["Content-Security-Policy"]
        assert f"connect-src 'self' http://localhost:{front.port};" in watch
        assert owner.wadi("down").code == Exit.OK
        try:  # no function, and no gateway, has a part in it
            urls = {url for track in tracks for url in (track.init, *track.segments)}
            # by key: replicas are still being placed, so the two may name different buckets of the same object
            assert {_key(url) for url in urls} == {_key(url) for url in files}
            assert {urlsplit(url).netloc for url in urls | files} == {f"localhost:{front.port}"}
            fetched = {hashlib.sha256(fetch(client, url).content).hexdigest() for t in tracks for url in t.segments}
            assert fetched == stored
            for url in files:
                assert fetch(client, url).headers["Cache-Control"] == "private, max-age=31536000, immutable"
            asked = {"Origin": "https://videos.example", "Access-Control-Request-Method": "GET"}
            assert client.options(tracks[0].init, headers=asked).headers["Access-Control-Allow-Origin"] == "*"
        finally:
            assert owner.wadi("up").code == Exit.OK


def _key(url: str) -> str:
    return urlsplit(url).path.partition("/objects/")[2]


def test_urls_stay_the_same_for_a_while(made: dict[str, Any]) -> None:
    def fetched() -> tuple[int, str]:
        text = httpx.get(made["hls_url"].replace("master", "audio"), timeout=30).text
        assert "X-Amz-Signature" in text
        return int(time.time()) // 3600, text

    first, again = fetched(), fetched()
    assert again == first or again[0] > first[0]  # at the full hour they change


def test_every_bucket_has_every_media_segment_and_no_source(
    owner: User, made: dict[str, Any], names: list[str]
) -> None:
    def held() -> list[set[str]]:
        return [{key.removeprefix("some/prefix/") for key in keys(name)} - {"node.json"} for name in names]

    def all_is_placed_and_the_source_gone() -> bool:
        first, second, third = held()
        return bool(first) and first == second == third and all(key.startswith("objects/videos/") for key in first)

    until(all_is_placed_and_the_source_gone, seconds=120)
    assert all(key.startswith("some/prefix/") for key in keys(names[1]))
    assert [s3().list_multipart_uploads(Bucket=name).get("Uploads", []) for name in names] == [[], [], []]
    assert all(len(segment["nodes"]) == 3 for segment in segments_of(owner, made["id"]))


def test_a_client_that_was_killed_goes_on(owner: User, front: BreakingProxy, long_file: Path) -> None:
    front.reset(hold_after=36 * MIB)
    with owner.start("upload", str(long_file)) as client:
        assert front.reached.wait(60)
        os.kill(client.pid, signal.SIGKILL)
        client.communicate(timeout=60)
    front.release()
    front.reset()
    ended = owner.wadi("upload", str(long_file), "--json")
    assert ended.code == Exit.OK, ended.err
    assert front.total < 45 * MIB  # what had arrived was not sent again
    kind = ("--type", "wadi.video.uploaded")
    events = owner.wadi("events", "--json", "--subject", ended.objects[-1]["id"], *kind).objects
    assert [event["data"]["size"] for event in events] == [long_file.stat().st_size]


def test_connections_that_break(owner: User, front: BreakingProxy, long_file: Path) -> None:
    front.reset(cut_after=5 * MIB, cuts=5)
    ended = owner.wadi("upload", str(long_file), "--json")
    front.reset()
    assert ended.code == Exit.OK, ended.err


def test_a_bucket_that_is_gone_stops_no_upload(owner: User, clip: Path, names: list[str], made: dict[str, Any]) -> None:
    """Last: it stays away."""
    remove(names[0])
    for number in range(3):  # to three keys, so that some belong to the bucket that is gone
        title = f"after the loss {number}"
        ended = owner.wadi("upload", str(clip), "--title", title, "--watch", "--json", timeout=WITHIN)
        assert ended.code == Exit.OK, ended.err
        assert ended.objects[-1]["state"] == "ready"


def test_credentials_that_are_refused_are_told_in_one_line(names: list[str], tmp_path: Path) -> None:
    extra = {"WADI_PORT": str(free_port()), "AWS_S3_BUCKET": names[2], "AWS_SECRET_ACCESS_KEY": "of somebody else"}
    ended = User(tmp_path, extra=extra).wadi("up")
    assert ended.code == Exit.FAILED
    assert len(ended.err.splitlines()) == 1
    for word in (
        "AWS_S3_BUCKET",
        "AWS_ACCESS_KEY_ID",
        names[2],
        os.environ["S3_ENDPOINT_URL"],
        "SignatureDoesNotMatch",
    ):
        assert word in ended.err
