"""The page that plays a video, and its files, as the gateway serves them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from local.gateway.player import FILES, add_player_routes


def get(
    path: str, origins: Callable[[], list[str]] = list, headers: dict[str, str] | None = None
) -> tuple[ClientResponse, str]:
    async def asked() -> tuple[ClientResponse, str]:
        app = web.Application()
        add_player_routes(app, origins)
        async with TestClient(TestServer(app)) as client:
            answer = await client.get(URL(path, encoded=True), headers=headers)
            return answer, await answer.text()

    return asyncio.run(asked())


def test_the_page_is_the_same_for_every_video() -> None:
    answer, text = get("/watch/0192-any-id")
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert '<script type="module" src="../player/page.js">' in text


def policy_of(answer: ClientResponse) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))


def test_media_may_come_from_where_the_objects_are() -> None:
    policy = policy_of(get("/watch/x", lambda: ["https://s3.example"])[0])
    assert policy["connect-src"] == "'self' https://s3.example"
    assert policy["media-src"] == policy["img-src"] == "'self' https://s3.example blob:"
    assert policy["script-src"] == "'self'"


def test_the_page_is_there_when_nobody_knows_where_the_objects_are() -> None:
    def fails() -> list[str]:
        raise OSError("no database")

    answer, _ = get("/watch/x", fails)
    assert answer.status == 200
    assert policy_of(answer)["connect-src"] == "'self'"


def test_nothing_from_elsewhere_may_run_or_be_asked() -> None:
    answer, _ = get("/watch/x")
    policy = policy_of(answer)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("file", sorted(path for path in FILES.rglob("*.*") if path.suffix in (".js", ".mjs", ".css")))
def test_every_file_is_served_as_what_it_is(file: Any) -> None:
    answer, text = get(f"/player/{file.relative_to(FILES)}")
    assert answer.status == 200
    assert answer.content_type == ("text/css" if file.suffix == ".css" else "text/javascript")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert text == file.read_text()


def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    first, _ = get("/player/page.js")
    again, text = get("/player/page.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, text) == (304, "")
    assert again.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "../local/gateway/player.py",
        "..%2flocal%2fplayer.py",
        "%2e%2e/pyproject.toml",
        "missing.js",
        "vendor",
        "vendor/hls.js-LICENSE",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert get(f"/player/{path}")[0].status == 404
