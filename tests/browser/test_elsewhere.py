"""Videos where they are embedded and proxied: on a page of another origin, and under a path of another site."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.browser.browser import Browser, Page
from tests.browser.conftest import Video
from tests.stripping_proxy import StrippingProxy


@pytest.fixture
def proxy(platform_url: str) -> Iterator[StrippingProxy]:
    proxy = StrippingProxy(urlsplit(platform_url).port or 80, tells=True)
    yield proxy
    proxy.close()


def test_a_page_of_another_origin_may_ask_for_ranges_with_a_token(page: Page, steady_video: Video) -> None:
    playlist = urljoin(steady_video.hls_url, "360p.m3u8")
    segment = urljoin(playlist, next(line for line in httpx.get(playlist).text.splitlines() if line[:1] == "."))
    sent = "{Authorization: 'Bearer x', Range: 'bytes=10-19', 'If-Range': '\"other\"', 'Cache-Control': 'no-cache'}"
    names = "['content-length', 'accept-ranges', 'etag']"
    asked = (
        f"fetch({segment!r}, {{headers: {sent}}}).then(it => [it.status, ...{names}.map(each => it.headers.get(each))])"
    )
    status, length, ranges, etag = page.value(asked)
    assert (status, ranges) == (200, "bytes")
    assert int(length) > 20
    part = f"fetch({segment!r}, {{headers: {{Range: 'bytes=10-19', 'If-Range': {etag!r}}}}})"
    assert page.value(f"{part}.then(it => [it.status, it.headers.get('content-range')])") == [
        206,
        f"bytes 10-19/{length}",
    ]
    no_token = "{Range: 'bytes=0-', 'Cache-Control': 'no-cache', Pragma: 'no-cache', 'CMCD-Request': 'bl=1'}"
    for manifest in (steady_video.hls_url, playlist, steady_video.dash_url):
        assert page.value(f"fetch({manifest!r}, {{headers: {no_token}}}).then(it => it.status)") == 200


def test_the_page_plays_under_a_path_of_another_site(
    browser: Browser, proxy: StrippingProxy, steady_video: Video
) -> None:
    page = browser.open(f"{proxy.url}/watch/{steady_video.id}")
    try:
        page.wait("video.currentTime > 0.5")
        assert page.text("h1").startswith("steady")
        page.wait("performance.getEntriesByType('resource').some(each => each.name.endsWith('/storyboard.vtt'))")
        page.ask("press", keys="k")  # the controls go away while it plays
        page.ask("hover", selector="#seek", x=500, y=8)
        page.wait("!preview.hidden && !preview.querySelector('.picture').hidden")
        seen = page.seen
    finally:
        page.close()
    assert seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith((proxy.url, "blob:"))] == []
    assert [path for path in proxy.astray if path != "/favicon.ico"] == []
