"""Pages of other origins: what the route table of the product lets their players send and read."""

import asyncio
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from local.activator.activator import Activator
from local.gateway.app import Gateway
from local.layout import ROOT
from local.manifests import read

PLAYED = [
    "/api/videos/1/manifest/master.m3u8",
    "/api/videos/1/manifest/manifest.mpd",
    "/api/videos/1/manifest/storyboard.vtt",
    "/api/segments/2",
    "/api/media/grant/files/1080p.0.m4s",
    "/api/objects",
]
# hls.js, shaka-player and dash.js with a token, a cache that asks again, and CMCD (CTA-5004) switched on.
SENT = ["authorization", "range", "if-range", "if-none-match", "if-modified-since", "cache-control", "pragma"]
CMCD = ["cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status"]


def preflight(path: str) -> CIMultiDictProxy[str]:
    async def asked() -> CIMultiDictProxy[str]:
        app = web.Application()
        no_function_is_asked = cast(Activator, None)
        gateway = Gateway(read(ROOT).routes, no_function_is_asked, lambda: asyncio.sleep(0, {}), json_limit=1)
        gateway.add_catch_all(app)
        headers = {
            "Origin": "https://player.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": ",".join(SENT + CMCD),
        }
        async with TestClient(TestServer(app)) as client, client.options(path, headers=headers) as answer:
            assert answer.status == 200
            return answer.headers

    return asyncio.run(asked())


def names(headers: CIMultiDictProxy[str], name: str) -> set[str]:
    return {each.strip().lower() for each in headers[f"Access-Control-{name}-Headers"].split(",")}


@pytest.mark.parametrize("path", PLAYED)
def test_players_may_send_what_they_send(path: str) -> None:
    headers = preflight(path)
    assert headers["Access-Control-Allow-Origin"] == "https://player.example"
    allowed = names(headers, "Allow")
    assert set(SENT) <= allowed
    assert "*" in allowed  # for what nobody thought of, such as CMCD


@pytest.mark.parametrize("path", PLAYED)
def test_players_may_read_what_they_read(path: str) -> None:
    read_by_players = {"accept-ranges", "content-length", "content-range", "date", "etag", "last-modified"}
    assert read_by_players <= names(preflight(path), "Expose")
