"""The same in the players of the web when the media is in buckets, on a server of another origin."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser, Page
from tests.browser.clips import uneven
from tests.browser.conftest import EMAIL, PASSWORD, Video, published
from tests.browser.test_playback import plays_whole
from tests.buckets import buckets
from tests.cli.runs import User, free_port


@pytest.fixture(scope="module")
def owner(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    with buckets("browser", 3) as names:
        extra = {"WADI_PORT": str(free_port()), "AWS_S3_BUCKET": ",".join(names)}
        user = User(tmp_path_factory.mktemp("owner"), extra=extra)
        for command in (("storage", "init"), ("up",)):
            ended = user.wadi(*command)
            assert ended.code == 0, ended.err
        ended = user.wadi("register", EMAIL, "--password-stdin", stdin=f"{PASSWORD}\n")
        assert ended.code == 0, ended.err
        yield user
        assert user.wadi("down").code == 0


@pytest.fixture(scope="module")
def video(owner: User) -> Video:
    return published(owner, uneven())


@pytest.mark.parametrize(("player", "manifest"), [("openHls", "hls_url"), ("openShaka", "dash_url")])
def test_it_plays_on_a_page_of_another_site(page: Page, video: Video, player: str, manifest: str) -> None:
    assert page.call(player, getattr(video, manifest)) == [180]
    plays_whole(page, video, 180)


def test_it_plays_on_its_own_page(browser: Browser, owner: User, video: Video) -> None:
    here = str(owner.wadi("status", "--json").objects[0]["url"])
    page = browser.open(f"{here}/watch/{video.id}")
    try:
        page.wait("video.currentTime > 0.5")
        seen = page.seen
        assert seen["errors"] == []
        fetched = {url for url in seen["requests"] if not url.startswith((here, "blob:"))}
        assert fetched
        assert all(url.startswith(os.environ["S3_ENDPOINT_URL"]) for url in fetched)
    finally:
        page.close()
