"""A platform, the videos published on it, a browser and a server for its pages: each once for all playback tests."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.browser import HERE, Browser, Page, QuietHandler, running_browser
from tests.browser.clips import Clip, steady, uneven
from tests.cli.runs import User, free_port

WITHIN = 240
EMAIL, PASSWORD = "publisher@example.org", "correct horse battery"


@dataclass(frozen=True)
class Video:
    clip: Clip
    id: str
    hls_url: str
    dash_url: str


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="session")
def harness() -> Iterator[str]:
    """The page with the players: of another origin than the platform, as a site that embeds its videos is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(HERE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/harness/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser, harness: str) -> Iterator[Page]:
    page = browser.open(harness)
    yield page
    page.close()


@pytest.fixture(scope="session")
def publisher(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Someone who is logged in at a platform of their own. (Asks for the browser first: without one, why start it?)"""
    user = User(tmp_path_factory.mktemp("publisher"), extra={"WADI_PORT": str(free_port())})
    started = user.wadi("up", "--json")
    assert started.code == 0, started.err
    ended = user.wadi("register", EMAIL, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert ended.code == 0, ended.err
    yield user
    assert user.wadi("down").code == 0


@pytest.fixture(scope="session")
def platform_url(publisher: User) -> str:
    return str(publisher.wadi("status", "--json").objects[0]["url"])


@pytest.fixture(scope="session")
def token(platform_url: str) -> str:
    """The publisher's."""
    login = {"email": EMAIL, "password": PASSWORD}
    return str(httpx.post(f"{platform_url}/api/auth/login", json=login, timeout=30).json()["access_token"])


@pytest.fixture
def watch(browser: Browser, platform_url: str) -> Iterator[Callable[[str], Page]]:
    """Opens the page of a video."""
    pages: list[Page] = []

    def open_page(video: str) -> Page:
        pages.append(browser.open(f"{platform_url}/watch/{video}"))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def publish(user: User, path: Path, *options: str) -> dict[str, Any]:
    ended = user.wadi("upload", str(path), "--watch", "--json", *options, timeout=WITHIN)
    assert ended.objects, ended.err
    return ended.objects[-1]


def published(user: User, clip: Clip) -> Video:
    made = publish(user, clip.path)
    assert made["state"] == "ready", made
    return Video(clip, made["id"], made["hls_url"], made["dash_url"])


@pytest.fixture(scope="session")
def steady_video(publisher: User) -> Video:
    return published(publisher, steady())


@pytest.fixture(scope="session")
def uneven_video(publisher: User) -> Video:
    return published(publisher, uneven())
