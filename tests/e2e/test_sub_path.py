"""The platform under a path of a site that is not its own: upload, play, look on, all through the proxy."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cli.runs import User, free_port, small_clip
from tests.e2e.playlists import dash_files, hls_tracks
from tests.stripping_proxy import PREFIX, StrippingProxy

WITHIN = 240


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def proxy(port: int) -> Iterator[StrippingProxy]:
    proxy = StrippingProxy(port, tells=False)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def visitor(port: int, proxy: StrippingProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Someone elsewhere, who knows nothing but the proxy's URL."""
    settings = {"WADI_PORT": str(port), "PUBLIC_URL": proxy.url}
    owner = User(tmp_path_factory.mktemp("owner"), extra=settings)
    started = owner.wadi("up", "--json")
    assert started.code == 0, started.err
    yield User(tmp_path_factory.mktemp("visitor"), proxy.url)
    assert owner.wadi("down").code == 0


@pytest.fixture(scope="module")
def made(visitor: User) -> dict[str, Any]:
    registered = visitor.wadi("register", "a@example.org", "--password-stdin", stdin="correct horse battery\n")
    assert registered.code == 0, registered.err
    clip = small_clip(visitor.home / "clip.mp4")
    ended = visitor.wadi("upload", str(clip), "--watch", "--json", timeout=WITHIN)
    assert ended.code == 0, ended.err
    return ended.objects[-1]


@pytest.fixture(autouse=True)
def nothing_goes_astray(proxy: StrippingProxy) -> Iterator[None]:
    yield
    assert proxy.astray == []


def test_the_parts_of_an_upload_go_through_the_proxy(made: dict[str, Any], proxy: StrippingProxy) -> None:
    assert made["state"] == "ready"
    assert [path for path in proxy.passed if path.startswith("/objects/") and "/sources/" in path]


def test_every_playlist_and_segment_is_found(made: dict[str, Any], proxy: StrippingProxy) -> None:
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        tracks = hls_tracks(client, made["hls_url"])
        urls = {url for track in tracks for url in (track.init, *track.segments)}
        urls |= dash_files(client, made["dash_url"])
        assert {httpx.URL(url).path.startswith(f"{PREFIX}/") for url in urls} == {True}
        assert {client.get(url).status_code for url in urls} == {200}


def test_what_the_api_names_is_found(made: dict[str, Any], proxy: StrippingProxy) -> None:
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        video = client.get(f"{proxy.url}/api/videos/{made['id']}").json()
        named = [video[name] for name in video if name.endswith("_url")]
        assert len(named) == 4
        segments = client.get(f"{proxy.url}/api/videos/{made['id']}/segments").json()["segments"]
        named += [url for segment in segments for url in (segment["url"], segment["init_url"])]
        assert {url.startswith(proxy.url) for url in named} == {True}
        assert {client.get(url).status_code for url in named} == {200}


def test_the_page_is_told_and_found(made: dict[str, Any], proxy: StrippingProxy) -> None:
    assert made["watch_url"] == f"{proxy.url}/watch/{made['id']}"
    assert "<video" in httpx.get(made["watch_url"]).text
