"""Videos are deleted at seeded moments of their way through a real platform: nothing of them is left, or comes back."""

import random
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from shared.media.sandbox.ffmpeg import ffmpeg_path
from tests.cli.runs import User, free_port
from tests.patience import until

SEED = 20261125
VIDEOS = 5
WITHIN = 180.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clips") / "clip.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25:duration=21"]
    tone = ["-f", "lavfi", "-i", "sine=frequency=300:duration=21"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg_path(), "-v", "error", *picture, *tone, *coding, str(file)], check=True)
    return file


def test_deleted_on_their_way(clip: Path, tmp_path: Path) -> None:
    user = User(tmp_path, extra={"WADI_PORT": str(free_port())})
    assert user.wadi("up").code == 0
    try:
        secret = "correct horse battery\n"
        assert user.wadi("register", "owner@example.org", "--password-stdin", stdin=secret).code == 0
        kept = _upload(user, clip)
        chance = random.Random(SEED)
        deleted = []
        for _ in range(VIDEOS):
            video = _upload(user, clip)
            time.sleep(chance.uniform(0, 6))  # the moment, not a wait for something
            assert user.wadi("videos", "delete", video).code == 0
            assert user.wadi("status", video).code != 0
            deleted.append(video)
        url = user.wadi("status", "--json").objects[0]["url"]
        until(lambda: _state(url, kept) == "ready", "the video that was not deleted becomes ready", WITHIN)
        until(
            lambda: not _files(tmp_path, deleted), lambda: f"everything goes, not {_files(tmp_path, deleted)}", WITHIN
        )
        assert user.wadi("videos", "--json", "--mine").objects[0]["id"] == kept
        assert all(_state(url, video) == "404" for video in deleted)
        until(lambda: _quiet(tmp_path, deleted), "nothing comes back", WITHIN)
    finally:
        assert user.wadi("down").code == 0


def _upload(user: User, clip: Path) -> str:
    ended = user.wadi("upload", str(clip), "--json", timeout=WITHIN)
    assert ended.code == 0, ended.err
    return str(ended.objects[-1]["id"])


def _state(url: str, video: str) -> str:
    answer = httpx.get(f"{url}/api/videos/{video}/status", timeout=30)
    return str(answer.json()["state"]) if answer.status_code == 200 else str(answer.status_code)


def _files(home: Path, videos: list[str]) -> list[str]:
    """The objects of these videos on any node, and sources, of which every video's is to be gone."""
    found = (path for path in (home / "data" / "objects").rglob("*") if path.is_file())
    return [str(path) for path in found if "/sources/" in str(path) or any(video in str(path) for video in videos)]


def _quiet(home: Path, videos: list[str]) -> bool:
    """Late work has had its time: looked at again and again for ten seconds, nothing was there."""
    for _ in range(20):
        if _files(home, videos):
            return False
        time.sleep(0.5)
    return True
