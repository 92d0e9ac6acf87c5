"""get_media: what a DASH manifest names, by its short URLs, and that FFmpeg opens what it leads to."""

from collections.abc import Iterator

import pytest

from shared.objects import signing
from tests.conftest import Database
from tests.films.film import Film, finished, tracks_file
from tests.films.playing import decoded, described, played, serve
from tests.functions.people import Person, assert_problem


@pytest.fixture(scope="module")
def film(database: Database, creator: Person) -> Film:
    return finished(database, creator, tracks_file())


@pytest.fixture(scope="module")
def address(wadi: object) -> Iterator[str]:
    with serve() as url:
        yield url


def manifest(address: str, film: Film, name: str) -> str:
    return f"{address}/api/videos/{film.id}/manifest/{name}"


@pytest.mark.parametrize("name", ["manifest.mpd", "master.m3u8"])
def test_ffmpeg_opens_it_and_decodes_every_picture_and_every_track(film: Film, address: str, name: str) -> None:
    url = manifest(address, film, name)
    print(described(url))
    segments = film.segments()
    frames = {r: sum(s["frames"] for s in segments if s["rendition"] == r) for r in ("360p", "480p", "audio", "audio-2")}
    assert frames["360p"] == frames["480p"] == 140
    counts = decoded(url, "-map", "0:v", "-map", "0:a")
    assert sorted(counts.values()) == sorted(frames.values())
