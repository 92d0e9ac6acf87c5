"""The page of a video, as a person has it in a browser."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.browser.browser import Page
from tests.browser.clips import uneven
from tests.browser.conftest import Video, publish
from tests.cli.runs import User

Watch = Callable[[str], Page]


def test_a_ready_video_plays_by_itself_and_asks_nothing_from_elsewhere(
    watch: Watch, steady_video: Video, platform_url: str
) -> None:
    page = watch(steady_video.id)
    page.wait("video.currentTime > 0.5")
    assert page.text("h1").startswith("steady")
    assert not page.value("document.querySelector('#controls').hidden")
    assert page.value("document.querySelector('#message').hidden")
    assert page.value("[...document.querySelectorAll('#quality option')].map(each => each.text)") == [
        "Auto",
        "720p",
        "480p",
        "360p",
    ]
    seen = page.seen
    assert seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith((platform_url, "blob:"))] == []


def test_the_chosen_quality_is_the_one_that_is_shown(watch: Watch, steady_video: Video) -> None:
    page = watch(steady_video.id)
    page.wait("video.currentTime > 0")
    for height in (360, 720):
        page.ask("choose", selector="#quality", label=f"{height}p")
        page.wait(f"video.videoHeight === {height} && !video.paused && !video.seeking")
    assert page.seen["errors"] == []


def test_the_keyboard_is_enough(watch: Watch, steady_video: Video) -> None:
    page = watch(steady_video.id)
    page.wait("video.currentTime > 0")
    page.ask("press", keys="k")
    page.wait("video.paused && play.ariaLabel === 'Play'")
    page.ask("press", keys="5")
    page.wait("Math.abs(video.currentTime - 16) < 0.1")
    page.ask("press", keys="ArrowRight")
    page.wait("Math.abs(video.currentTime - 21) < 0.1")
    page.ask("press", keys="m")
    page.wait("video.muted && mute.ariaLabel === 'Turn the sound on'")
    page.ask("press", keys="Tab")
    page.ask("press", keys="Tab")
    assert page.value("document.activeElement.ariaLabel")
    page.value("play.focus()")
    page.ask("press", keys="Space")
    page.wait("!video.paused")
    page.ask("press", keys="End")
    page.wait("video.ended")


def test_the_seek_bar_shows_what_is_there(watch: Watch, steady_video: Video) -> None:
    page = watch(steady_video.id)
    page.wait("video.currentTime > 0")
    page.wait("performance.getEntriesByType('resource').some(each => each.name.endsWith('/storyboard.vtt'))")
    page.ask("hover", selector="#seek", x=500, y=8)
    page.wait("!preview.hidden && !preview.querySelector('.picture').hidden")
    picture = page.value("preview.querySelector('.picture').style.backgroundImage.slice(5, -2)")
    page.wait(f"performance.getEntriesByType('resource').some(each => each.name === {picture!r})")
    assert httpx.get(picture).headers["Content-Type"] == "image/jpeg"
    share = page.value("500 / seek.getBoundingClientRect().width")
    minutes, seconds = page.text("#preview span").split(":")
    assert 60 * int(minutes) + int(seconds) == pytest.approx(32 * share, abs=1)
    assert page.seen["errors"] == []


def test_a_failure_is_told_in_words(watch: Watch, publisher: User, tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("not a film")
    made = publish(publisher, notes)
    assert made["state"] == "failed"
    page = watch(made["id"])
    page.wait("document.body.dataset.state === 'failed'")
    assert "could not be processed" in page.text("#message")
    assert made["reason"] in page.text("#message")
    assert page.value("document.querySelector('#controls').hidden")


def test_a_video_that_is_none(watch: Watch) -> None:
    page = watch("01a20faa-0000-7000-8000-000000000000")
    page.wait("document.body.dataset.state === 'refused'")
    assert "no such video, or it is private" in page.text("#message")


def test_a_private_video_asks_for_a_token(watch: Watch, publisher: User, token: str) -> None:
    made = publish(publisher, uneven().path, "--private")
    assert httpx.get(made["hls_url"]).status_code == 404
    page = watch(made["id"])
    page.wait("document.body.dataset.state === 'refused'")
    page.ask("fill", selector="input[name=token]", text="not.a.token")
    page.ask("press", keys="Enter")
    page.wait("document.querySelector('#message').innerText.includes('not valid')")
    page.ask("fill", selector="input[name=token]", text=token)
    page.ask("press", keys="Enter")
    page.wait("video.currentTime > 0")

    by_link = watch(f"{made['id']}?token={token}")
    by_link.wait("video.currentTime > 0")
    assert by_link.value("location.search") == ""
    by_link.ask("reload")
    by_link.wait("video.currentTime > 0")
