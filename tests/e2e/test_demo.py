"""The first thing that a newcomer does, from nothing to a video that plays: `wadi demo` on a fresh data directory."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from cli.clip import SECONDS
from tests.cli.runs import Ended, User, free_port, small_clip
from tests.e2e.playlists import dash_files, fetch, hls_tracks

FPS = 30
WITHIN = 280


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("newcomer"), extra={"WADI_PORT": str(free_port())})
    yield user
    assert user.wadi("down").code == 0


@pytest.fixture(scope="module")
def demo(newcomer: User) -> Ended:
    return newcomer.wadi("demo", "--json", timeout=WITHIN)


@pytest.fixture(scope="module")
def made(demo: Ended) -> dict[str, Any]:
    assert demo.code == 0, demo.err
    return demo.objects[-1]


def test_the_demo_is_silent_and_ends_ready(demo: Ended, made: dict[str, Any]) -> None:
    assert demo.err == ""
    assert len(demo.objects) == 1
    assert made["state"] == "ready"
    assert made["indexed"] is True
    assert 0 < made["playable_after_s"] <= made["ready_after_s"]
    assert made["hls_url"].startswith("http://")
    assert made["dash_url"].startswith("http://")
    assert "<video" in httpx.get(made["watch_url"]).text


def test_the_whole_of_every_rung_can_be_fetched_and_decoded(made: dict[str, Any]) -> None:
    with httpx.Client(timeout=30) as client:
        tracks = hls_tracks(client, made["hls_url"])
        assert [track.height for track in tracks] == [0, 360, 480, 720, 1080]
        for track in tracks:
            assert track.ended
            assert track.seconds == pytest.approx(SECONDS, abs=0.05)
            if track.height:
                assert frames(track.fetch(client), count_only=track.height > 360) == SECONDS * FPS
        audio = tracks[0].fetch(client)
    with av.open(io.BytesIO(audio), "r") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 48000 == pytest.approx(SECONDS, abs=0.05)


def frames(content: bytes, *, count_only: bool) -> int:
    """Frames whose times rise strictly; decoded, or (the big ones) only demuxed."""
    with av.open(io.BytesIO(content), "r") as container:
        read = container.demux(video=0) if count_only else container.decode(video=0)
        times = [each.pts for each in read if each.pts is not None]
    if count_only:
        times.sort()  # packets come in the order of decoding
    assert all(a < b for a, b in itertools.pairwise(times))
    return len(times)


def test_dash_names_the_same_files(made: dict[str, Any]) -> None:
    with httpx.Client(timeout=30) as client:
        named = {url.partition("?")[0] for url in dash_files(client, made["dash_url"])}
        tracks = hls_tracks(client, made["hls_url"])
        for url in dash_files(client, made["dash_url"]):
            assert fetch(client, url).content
    assert named == {url.partition("?")[0] for track in tracks for url in (track.init, *track.segments)}


def test_it_is_found_and_listed(newcomer: User, made: dict[str, Any]) -> None:
    assert made["id"] in [each["video_id"] for each in newcomer.wadi("search", "sampl", "--json").objects]
    assert made["id"] in [each["id"] for each in newcomer.wadi("videos", "--json").objects]


def test_a_demo_leaves_nothing_in_the_home(newcomer: User, made: dict[str, Any]) -> None:
    assert {each.name for each in newcomer.home.iterdir()} == {"data", "cache"}
    assert (newcomer.home / "data/demo/account.json").stat().st_mode & 0o777 == 0o600


def test_a_second_demo_tells_a_person_everything(newcomer: User, made: dict[str, Any], tmp_path: Path) -> None:
    """Of a file of theirs, by the same account, on the platform that is still up."""
    account = (newcomer.home / "data/demo/account.json").read_text()
    ended = newcomer.wadi("demo", str(small_clip(tmp_path / "desert rain.mp4")), timeout=WITHIN)
    assert ended.code == 0, ended.err
    assert (newcomer.home / "data/demo/account.json").read_text() == account
    told = ["uploaded", "planned: 1 segment", "playable after", "ready after", "indexed", ": found"]
    told += ["/watch/", "master.m3u8", "manifest.mpd", "./task down"]
    assert [words for words in told if words not in ended.out] == []
    assert any(f"{player} http" in ended.out for player in ("ffplay", "mpv", "vlc"))
    assert "starting the platform" not in ended.out


def test_a_demo_of_a_file_that_is_none(newcomer: User, made: dict[str, Any]) -> None:
    (newcomer.home / "data/notes.mp4").write_text("not a film")
    ended = newcomer.wadi("demo", "data/notes.mp4", "--json", timeout=WITHIN)
    assert ended.code == 6
    assert ended.objects[-1]["state"] == "failed"
    assert ended.objects[-1]["reason"]
    missing = newcomer.wadi("demo", "missing.mp4", "--json")
    assert missing.code == 4
    assert missing.objects[-1] == {
        "id": None,
        "file": "missing.mp4",
        "state": "failed",
        "reason": "missing.mp4 does not exist.",
    }
