"""The command line at the real platform: from a file to a video, and what can be asked about it."""

import json
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.api import Api
from cli.credentials import Credentials
from cli.exits import Exit
from cli.watch import watch
from tests.cli.breaking_proxy import BreakingProxy
from tests.cli.runs import User


@pytest.fixture(scope="module")
def video(platform: User, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[User, dict[str, Any]]:
    """A video that is ready, with its owner."""
    owner = registered(User(tmp_path_factory.mktemp("owner"), platform.extra["PUBLIC_URL"]))
    ended = owner.wadi("upload", str(clip), "--watch", "--json", "--title", "Rain over the desert")
    assert ended.code == Exit.OK, ended.err
    assert len(ended.objects) == 1
    return owner, ended.objects[0]


def registered(user: User) -> User:
    email = f"{user.home.name}@example.org".lower()
    ended = user.wadi("register", email, "--password-stdin", stdin="correct horse battery\n")
    assert ended.code == Exit.OK, ended.err
    return user


def text_file(folder: Path) -> Path:
    file = folder / "notes.mp4"
    file.write_text("This is not a film.\n" * 100)
    return file


# A video


def test_an_uploaded_file_becomes_a_video(video: tuple[User, dict[str, Any]]) -> None:
    _, made = video
    assert made["state"] == "ready"
    assert made["indexed"] is True
    assert "reason" not in made
    assert 0 < made["playable_after_s"] <= made["ready_after_s"]
    for name, start in (("hls_url", "#EXTM3U"), ("dash_url", "<?xml")):
        answer = httpx.get(made[name])
        assert answer.status_code == 200
        assert answer.text.startswith(start)


def test_its_status(video: tuple[User, dict[str, Any]]) -> None:
    owner, made = video
    status = owner.wadi("status", made["id"], "--json").objects[0]
    assert (status["state"], status["indexed"]) == ("ready", True)
    assert {rung["name"] for rung in status["renditions"]} >= {"audio"}
    seen = owner.wadi("status", made["id"])
    assert "ready after" in seen.out
    watched = owner.wadi("status", made["hls_url"], "--watch", "--json")  # a link names it too
    assert watched.code == Exit.OK
    assert watched.objects == [made]


def test_watching_over_connections_that_break(door: BreakingProxy, video: tuple[User, dict[str, Any]]) -> None:
    owner, made = video
    api = Api(owner.server, Credentials(owner.home / "config/wadi/credentials.json"))
    door.reset(cut_after=1, cuts=3)  # the stream, and the questions that are asked instead
    seen = list(watch(api, made["id"], timeout=None))
    api.close()
    assert door.done == 3
    assert (seen[-1].state, seen[-1].indexed) == ("ready", True)


def test_it_is_listed(video: tuple[User, dict[str, Any]]) -> None:
    owner, made = video
    assert made["id"] in [each["id"] for each in owner.wadi("videos", "--json").objects]
    assert [each["id"] for each in owner.wadi("videos", "--mine", "--json").objects] == [made["id"]]
    table = owner.wadi("videos").out
    assert made["id"] in table
    assert "Rain over the desert" in table


def test_it_is_found(video: tuple[User, dict[str, Any]]) -> None:
    owner, made = video
    assert made["id"] in [each["video_id"] for each in owner.wadi("search", "raining", "des", "--json").objects]
    assert "Rain over the desert" in owner.wadi("search", "rain").out
    assert owner.wadi("search", "glaciers", "--json").objects == []


def test_its_stages_are_told_to_a_pipe(someone: User, clip: Path) -> None:
    ended = someone.wadi("upload", str(clip), "--watch")
    assert ended.code == Exit.OK
    lines = [line.strip() for line in ended.out.splitlines()]
    order = ["uploaded", "planned: 1 segment", "playable after", "ready after", "indexed", "HLS", "DASH"]
    places = [next(i for i, line in enumerate(lines) if line.startswith(each)) for each in order]
    assert places == sorted(places)


def test_a_private_video_needs_its_token(someone: User, new_user: Callable[[], User], clip: Path) -> None:
    made = someone.wadi("upload", str(clip), "--watch", "--json", "--private").objects[-1]
    assert made["state"] == "ready"
    assert httpx.get(made["hls_url"]).status_code in (401, 403, 404)
    assert httpx.get(made["hls_url"], headers={"authorization": f"Bearer {made['token']}"}).status_code == 200
    assert httpx.get(made["hls_url"], params={"token": made["token"]}).status_code == 200
    other = new_user()
    assert made["id"] not in [each["id"] for each in other.wadi("videos", "--limit", "0", "--json").objects]
    assert other.wadi("status", made["id"]).code in (Exit.NOT_FOUND, Exit.REFUSED)


# Failures


def test_a_file_that_is_no_video(someone: User) -> None:
    ended = someone.wadi("upload", str(text_file(someone.home)), "--watch", "--json")
    assert ended.code == Exit.VIDEO_FAILED
    made = ended.objects[-1]
    assert made["state"] == "failed"
    assert len(made["reason"]) > 10
    again = someone.wadi("retry", made["id"], "--watch", "--json")
    assert again.code == Exit.VIDEO_FAILED
    assert again.objects[-1]["reason"] == made["reason"]
    assert made["reason"] in someone.wadi("status", made["id"]).out


def test_retrying_what_is_ready(video: tuple[User, dict[str, Any]]) -> None:
    owner, made = video
    assert owner.wadi("retry", made["id"]).code == Exit.REFUSED


@pytest.mark.parametrize("line", ["status {}", "status {} --watch", "retry {}"])
@pytest.mark.parametrize("name", ["01900000-0000-7000-8000-000000000000", "nonsense", "../auth/me"])
def test_a_video_that_does_not_exist(someone: User, line: str, name: str) -> None:
    ended = someone.wadi(*line.format(name).split())
    assert ended.code == Exit.NOT_FOUND
    assert "Traceback" not in ended.err


def test_the_time_for_watching_is_over(someone: User, clip: Path) -> None:
    ended = someone.wadi("upload", str(clip), "--watch", "--json", "--timeout", "0")
    assert ended.code == Exit.TIMED_OUT
    assert ended.objects[-1]["state"] in ("uploaded", "planned", "playable")


def test_several_files(someone: User, clip: Path) -> None:
    ended = someone.wadi("upload", str(clip), str(text_file(someone.home)), "missing.mp4", "--watch", "--json")
    assert ended.code == Exit.VIDEO_FAILED
    assert sorted(each["state"] for each in ended.objects) == ["failed", "failed", "ready"]


# Uploads that are disturbed


@pytest.fixture
def long_text(tmp_path: Path) -> Path:
    """60 MB for several parts. What is in it does not matter here."""
    file = tmp_path / "long.mp4"
    with file.open("wb") as out:
        for number in range(60):
            out.write(number.to_bytes(4, "big") * 250_000)
    return file


def arrived(platform: User, made: dict[str, Any], file: Path) -> None:
    """The platform has taken all bytes: it got as far as looking at them."""
    events = platform.wadi("events", "--json", "--subject", made["id"], "--type", "wadi.video.uploaded").objects
    assert [each["data"]["size"] for each in events] == [file.stat().st_size]


def test_connections_that_break(door: BreakingProxy, someone: User, platform: User, long_text: Path) -> None:
    door.reset(cut_after=5_000_000, cuts=6)
    ended = someone.wadi("upload", str(long_text), "--json")
    assert ended.code == Exit.OK, ended.err
    assert door.done == 6
    arrived(platform, ended.objects[-1], long_text)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_client_that_was_stopped_goes_on(
    door: BreakingProxy, someone: User, platform: User, long_text: Path, how: signal.Signals
) -> None:
    door.reset(hold_after=45_000_000)
    with someone.start("upload", str(long_text)) as client:
        assert door.reached.wait(60)
        os.kill(client.pid, how)
        _, err = client.communicate(timeout=60)
    door.release()
    assert client.returncode == (-how if how is signal.SIGKILL else Exit.INTERRUPTED)
    assert how is signal.SIGKILL or "to go on" in err
    door.reset()
    ended = someone.wadi("upload", str(long_text), "--json")
    assert ended.code == Exit.OK, ended.err
    assert door.total < 50_000_000  # what had arrived was not sent again
    arrived(platform, ended.objects[-1], long_text)


def test_a_restart_of_the_platform_during_an_upload(
    door: BreakingProxy, someone: User, platform: User, long_text: Path
) -> None:
    door.reset(hold_after=30_000_000)
    with someone.start("upload", str(long_text), "--json") as client:
        assert door.reached.wait(60)
        assert platform.wadi("down").code == Exit.OK
        door.release()
        assert platform.wadi("up").code == Exit.OK
        out, err = client.communicate(timeout=120)
    assert client.returncode == Exit.OK, err
    arrived(platform, json.loads(out), long_text)


# The platform itself


def test_functions_come_from_zero(video: tuple[User, dict[str, Any]]) -> None:
    owner, _ = video
    assert owner.wadi("videos").code == Exit.OK
    functions = {each["name"]: each for each in owner.wadi("ps", "--json").objects}
    assert functions["list-videos"]["starts"] >= 1
    assert len(functions["list-videos"]["pids"]) >= 1
    assert functions["transcode-segment"]["owed"] == 0
    assert "list-videos" in owner.wadi("ps").out
    up = owner.wadi("status", "--json").objects[0]
    assert (up["up"], up["url"]) == (True, owner.server)
    assert up["functions"] == len(functions)


def test_up_twice(platform: User) -> None:
    ended = platform.wadi("up", "--json")
    assert ended.code == Exit.OK
    assert ended.objects[0]["url"].startswith("http://127.0.0.1:")
    assert "up already" in platform.wadi("up").out


def test_logs(video: tuple[User, dict[str, Any]], platform: User) -> None:
    assert platform.wadi("logs", "runner").code == Exit.OK
    assert "up at http" in platform.wadi("logs", "runner", "--lines", "100000").out
    unknown = platform.wadi("logs", "nobody")
    assert unknown.code == Exit.FAILED
    assert "nobody" in unknown.err


# Events


def test_events_of_a_video(video: tuple[User, dict[str, Any]], platform: User) -> None:
    _, made = video
    events = platform.wadi("events", "--json", "--subject", made["id"]).objects
    types = [each["type"] for each in events]
    assert types[0] == "wadi.video.uploaded"
    assert f"{made['id']}/0" in [each["subject"] for each in events]
    assert types.index("wadi.video.planned") < types.index("wadi.segment.encoded") < types.index("wadi.video.ready")
    assert all(each["subject"].startswith(made["id"]) and each["specversion"] == "1.0" for each in events)
    some = platform.wadi("events", "--json", "--type", "wadi.video.*", "--subject", made["id"]).objects
    assert [each["type"] for each in some] == [each for each in types if each.startswith("wadi.video.")]
    shown = platform.wadi("events", "--subject", made["id"]).out
    assert len(shown.splitlines()) == len(events)


@pytest.fixture
def following(platform: User) -> Iterator[Callable[[str], dict[str, Any]]]:
    """`wadi events --follow`; waits for an event of a type."""
    process = platform.start("events", "--follow", "--json")
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)

    reader = threading.Thread(target=read)
    reader.start()

    def wait_for(kind: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = json.loads(lines.get(timeout=60))
            if event["type"] == kind:
                return event

    yield wait_for
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == Exit.INTERRUPTED
    reader.join(20)
    assert process.stderr
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.stdout
    process.stdout.close()


def test_events_as_they_flow(following: Callable[[str], dict[str, Any]], someone: User, clip: Path) -> None:
    made = someone.wadi("upload", str(clip), "--watch", "--json").objects[-1]
    assert following("wadi.video.uploaded")["subject"] == made["id"]
    assert following("wadi.video.ready")["subject"] == made["id"]
