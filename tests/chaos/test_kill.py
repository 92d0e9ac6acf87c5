"""kill -9 of any process at seeded moments: every upload still ends ready, with the bytes of an undisturbed run."""

import json
import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.media import film, renditions
from tests.chaos.processes import kill, runner_of, victims
from tests.cli.runs import User, free_port
from tests.patience import until

SEED = 20261124
KILLS = 10
VIDEOS = 3
WITHIN = 240.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Small ones of several segments each: a source with a keyframe a second."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        film(folder / f"clip-{number}.mp4", seconds=22 + number, tone=300 + 100 * number) for number in range(VIDEOS)
    ]


def test_ten_kills_lose_nothing(clips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    calm, shaken = (_platform(tmp_path_factory.mktemp(name)) for name in ("calm", "shaken"))
    expected = {clip.name: _ready(calm, _upload(calm, clip)) for clip in clips}
    assert calm.wadi("down").code == 0

    chance = random.Random(SEED)
    data = shaken.home / "data"
    videos = {clip.name: _upload(shaken, clip) for clip in clips[:-1]}
    late = shaken.start("upload", str(clips[-1]), "--json")  # this one is sent while processes die
    killed = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 2.5))  # the moment, not a wait for something
        kinds = victims(data)
        kind = chance.choice(sorted(kinds))
        kill(chance.choice(kinds[kind]))
        killed.append(kind)
        if runner_of(data) is None:
            assert shaken.wadi("up").code == 0, f"after {killed}"
    said, _ = late.communicate(timeout=WITHIN)
    if late.returncode == 0:
        videos[clips[-1].name] = json.loads(said.splitlines()[-1])["id"]
    else:  # its server was away for longer than it tries: said again, it goes on where it was
        videos[clips[-1].name] = _upload(shaken, clips[-1])

    assert {name: _ready(shaken, video) for name, video in videos.items()} == expected, f"killed: {killed}"
    assert shaken.wadi("down").code == 0


def _platform(home: Path) -> User:
    user = User(home, extra={"WADI_PORT": str(free_port())})
    assert user.wadi("up").code == 0
    ended = user.wadi("register", "owner@example.org", "--password-stdin", stdin="correct horse battery\n")
    assert ended.code == 0, ended.err
    return user


def _upload(user: User, clip: Path) -> str:
    ended = user.wadi("upload", str(clip), "--json", timeout=WITHIN)
    assert ended.code == 0, ended.err
    return str(ended.objects[-1]["id"])


def _ready(user: User, video_id: str) -> dict[str, str]:
    """Waits for a video; the hash of every rendition's bytes."""
    url = user.wadi("status", "--json").objects[0]["url"]
    with httpx.Client(base_url=url, timeout=30) as client:

        def settled() -> dict[str, Any] | None:
            status: dict[str, Any] = client.get(f"/api/videos/{video_id}/status").json()
            return status if status.get("state") in ("ready", "failed") else None

        status = until(settled, f"{video_id} is ready", WITHIN)
        assert status["state"] == "ready", status
        return renditions(client, video_id)
