"""Playback that begins while most of the video does not exist yet."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser.browser import Page
from tests.browser.clips import steady
from tests.browser.growing import Upload

WITHIN = 240


@pytest.fixture
def upload(platform_url: str, token: str) -> Iterator[Upload]:
    details = {"title": "Rain in the hills", "description": "The wadi fills."}
    with Upload(platform_url, token, steady().path, **details) as upload:
        yield upload


def test_playback_begins_with_the_first_segment_and_goes_on_to_the_end(
    watch: Callable[[str], Page], page: Page, upload: Upload, platform_url: str
) -> None:
    """On the video's own page, open since before the upload was complete; and in a player elsewhere."""
    own = watch(upload.video_id)
    own.wait("document.body.dataset.state === 'uploading'")
    assert own.text("h1") == "Rain in the hills"
    assert own.text("#description") == "The wadi fills."
    assert "upload goes on" in own.text("#message")
    own.value(NOTE_STATES)

    upload.finish()
    upload.wait_playable(WITHIN)
    page.call("openHls", f"{platform_url}/api/videos/{upload.video_id}/manifest/master.m3u8")
    page.call("playOut", 2, timeout=WITHIN)
    own.wait("document.body.dataset.state === 'ready'", WITHIN)

    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first_playlist(page, upload.video_id)
    all_was_played_once(page)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first_playlist(own, upload.video_id)
    started_by_itself_and_takes_the_better_rungs(own)


def all_was_played_once(page: Page) -> None:
    clip = steady()
    report = page.call("report")
    assert report["complaints"] == []
    assert report["ended"]
    assert report["currentTime"] == pytest.approx(clip.seconds, abs=float(1 / clip.rate))
    assert report["frames"] == len(clip.shown)
    for kind in ("buffered", "video", "audio"):
        assert len(report[kind]) == 1, report[kind]
        assert report[kind][0] == pytest.approx([0, clip.seconds], abs=0.06)


def started_by_itself_and_takes_the_better_rungs(page: Page) -> None:
    states = page.value("states")
    assert states.index("playable") < states.index("playing") < states.index("ready"), states
    page.wait("video.ended || document.querySelectorAll('#quality option').length === 4")
    page.value("video.playbackRate = 8")
    page.wait("video.ended")
    assert page.value("video.currentTime") == pytest.approx(steady().seconds, abs=0.05)
    assert page.value("document.body.dataset.state") == "ready"
    assert page.seen["errors"] == []


NOTE_STATES = """
    globalThis.states = [document.body.dataset.state];
    new MutationObserver(() => states.push(document.body.dataset.state)).observe(document.body, {attributes: true});
    video.addEventListener('playing', () => states.push('playing'), {once: true});
"""


def first_playlist(page: Page, video_id: str) -> str:
    """The first playlist of a rung that the player got."""
    texts = page.seen["texts"]
    rungs = {path: found for path, found in texts.items() if video_id in path and "p.m3u8" in urlsplit(path).path}
    return str(next(iter(rungs.values()))[0])
