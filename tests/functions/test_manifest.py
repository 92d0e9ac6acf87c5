"""manifest: HLS and DASH as the segments arrive, the storyboard, and who may have them."""

import re
import urllib.request
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest

from events import VideoRecalled
from tests.conftest import Database
from tests.films.film import Film, absent, finished, long_file, planned, short_file, silent_file, tracks_file, uploaded
from tests.films.stored import store_bytes
from tests.functions.metering import metered
from tests.functions.people import Person, assert_problem
from tests.real import need

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


def get(person: Person, film: Film, name: str, **query: str) -> Any:
    return person.get("manifest", f"/api/videos/{film.id}/manifest/{name}", **query)


def text(film: Film, name: str) -> str:
    answer = get(Person(), film, name)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def tags(playlist: str, name: str) -> list[str]:
    return re.findall(rf"^#{name}:?(.*)$", playlist, re.MULTILINE)


def addresses(playlist: str) -> list[str]:
    return [line for line in playlist.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def ready(database: Database, creator: Person, object_server: str) -> Film:
    return finished(database, creator, long_file())


# --- ready


def test_the_master_playlist_names_every_rung_with_what_it_needs(ready: Film) -> None:
    answer = get(Person(), ready, "master.m3u8")
    assert answer.content_type == "application/vnd.apple.mpegurl"
    playlist = answer.text
    assert playlist.startswith("#EXTM3U\n")
    assert addresses(playlist) == ["360p.m3u8", "480p.m3u8"], "the lowest first: a player starts with it"
    low, high = tags(playlist, "EXT-X-STREAM-INF")
    assert "RESOLUTION=640x360" in low
    assert "RESOLUTION=854x480" in high
    for stream in (low, high):
        assert re.search(r'CODECS="avc1\.\w{6},mp4a\.40\.2"', stream)
        assert "FRAME-RATE=5.000" in stream
        assert 'AUDIO="audio"' in stream
        assert re.search(r"BANDWIDTH=[1-9]\d+", stream)
    (audio,) = tags(playlist, "EXT-X-MEDIA")
    assert 'URI="audio.m3u8"' in audio


@pytest.mark.parametrize("rendition", ["480p", "360p", "audio"])
def test_a_rendition_s_playlist_leads_to_its_bytes(ready: Film, object_server: str, rendition: str) -> None:
    playlist = text(ready, f"{rendition}.m3u8")
    assert tags(playlist, "EXT-X-PLAYLIST-TYPE") == ["VOD"]
    assert "#EXT-X-ENDLIST" in playlist
    lengths = [float(length.rstrip(",")) for length in tags(playlist, "EXTINF")]
    assert len(lengths) == 3
    assert sum(lengths) == pytest.approx(28, abs=0.05)
    (target,) = tags(playlist, "EXT-X-TARGETDURATION")
    assert max(round(length) for length in lengths) <= int(target)
    (init,) = re.findall(r'URI="([^"]+)"', playlist)
    urls = addresses(playlist)
    rows = [row for row in ready.segments() if row["rendition"] == rendition]
    assert [url.partition("?")[0].endswith(row["object_key"]) for url, row in zip(urls, rows, strict=True)] == [
        True
    ] * 3
    assert fetch(object_server, init)[4:8] == b"ftyp"
    assert [len(fetch(object_server, url)) for url in urls] == [row["size"] for row in rows]


def fetch(server: str, url: str) -> bytes:
    """As a player does, which resolves what a manifest names against the manifest's own URL."""
    with urllib.request.urlopen(urljoin(f"{server}/api/videos/1/manifest/any.m3u8", url), timeout=60) as answer:
        data: bytes = answer.read()
    return data


def test_the_dash_manifest_has_the_same_segments(ready: Film) -> None:
    answer = get(Person(), ready, "manifest.mpd")
    assert answer.content_type == "application/dash+xml"
    tree = ElementTree.fromstring(answer.text)
    for each in tree.iter(f"{MPD}AdaptationSet"):
        base = urljoin(f"/api/videos/{ready.id}/manifest/manifest.mpd", each.findtext(f"{MPD}BaseURL"))
        for element in each.iter(f"{MPD}Representation"):
            rendition, template = str(element.get("id")), element.find(f"{MPD}SegmentTemplate")
            assert template is not None
            media = [str(template.get("media")).replace("$Number$", str(index)) for index in range(3)]
            led_to = [Person().get("get_media", base + name).headers["Location"] for name in media]
            assert led_to == addresses(text(ready, f"{rendition}.m3u8"))
    assert {r.get("id") for r in tree.iter(f"{MPD}Representation")} == {"480p", "360p", "audio"}


@pytest.mark.parametrize("name", ["480p.m3u8", "storyboard.vtt"])
def test_a_path_that_a_proxy_puts_before_ours_is_kept(ready: Film, name: str) -> None:
    """No URL begins at the root, which behind https://host/video/ is somebody else's."""
    manifest = f"https://host/video/api/videos/{ready.id}/manifest/{name}"
    named = re.findall(r"[^\s\"#>]*/objects/[^\s\"#<]*", text(ready, name))
    assert named
    assert {urljoin(manifest, url).partition("node-")[0] for url in named} == {"https://host/video/objects/"}


def test_the_storyboard_leads_to_its_pictures(ready: Film, object_server: str) -> None:
    answer = get(Person(), ready, "storyboard.vtt")
    assert answer.content_type.startswith("text/vtt")
    assert answer.text.startswith("WEBVTT\n")
    places = re.findall(r"^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$", answer.text, re.MULTILINE)
    assert len(places) == ready.row["storyboard"]["count"]
    assert fetch(object_server, places[0][0]).startswith(b"\xff\xd8\xff")


def test_what_is_complete_may_be_kept_for_a_while(ready: Film) -> None:
    assert get(Person(), ready, "master.m3u8").headers["Cache-Control"] == "private, max-age=300"


@pytest.mark.parametrize("name", ["1080p.m3u8", "other.m3u8", "master.mpd", "master", "m3u8", ".m3u8", "480p.mpd"])
def test_other_names_are_404(ready: Film, name: str) -> None:
    assert_problem(get(Person(), ready, name), 404, "not-found")


# --- on the way


def test_before_the_plan_and_before_the_first_segment_it_is_not_yet(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, long_file())
    for stage in ("uploaded", "planned"):
        assert film.state == stage
        for name in ("master.m3u8", "360p.m3u8", "manifest.mpd", "storyboard.vtt"):
            answer = get(Person(), film, name)
            problem = assert_problem(answer, 409, "wrong-state")
            assert (problem["state"], answer.headers["Retry-After"]) == (stage, "1")
        film.run("plan_video")


def test_while_segments_arrive_the_playlist_grows_and_never_shrinks(database: Database, creator: Person) -> None:
    film = planned(database, creator, long_file())
    film.encoded_for_show("360p", 0)
    assert_problem(get(Person(), film, "master.m3u8"), 409, "wrong-state")
    film.encoded_for_show("audio", 0)
    assert addresses(text(film, "master.m3u8")) == ["360p.m3u8"]
    film.encoded_for_show("360p", 2)
    early = text(film, "360p.m3u8")
    assert tags(early, "EXT-X-PLAYLIST-TYPE") == ["EVENT"]
    assert len(addresses(early)) == 1, "what comes after a gap waits for it"
    assert "#EXT-X-ENDLIST" not in early
    assert get(Person(), film, "360p.m3u8").headers["Cache-Control"] == "no-store"
    film.encoded_for_show("360p", 1)
    late = text(film, "360p.m3u8")
    assert late.startswith(early.replace("EVENT", "VOD"))
    assert len(addresses(late)) == 3
    assert tags(late, "EXT-X-TARGETDURATION") == tags(early, "EXT-X-TARGETDURATION")
    problem = assert_problem(get(Person(), film, "manifest.mpd"), 409, "wrong-state")
    assert problem["state"] == "planned"
    assert_problem(get(Person(), film, "480p.m3u8"), 409, "wrong-state")


def test_a_failed_video_says_why_there_is_none(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.set(state="failed", reason="It rained.")
    answer = get(Person(), film, "master.m3u8")
    problem = assert_problem(answer, 409, "wrong-state")
    assert "It rained." in problem["detail"]
    assert "Retry-After" not in answer.headers, "asking again would not help"


def test_without_sound_none_is_named(database: Database, creator: Person) -> None:
    film = planned(database, creator, silent_file())
    film.run("transcode_segment", "publish_video")
    master = text(film, "master.m3u8")
    assert "AUDIO" not in master
    assert "mp4a" not in master
    assert_problem(get(Person(), film, "audio.m3u8"), 404, "not-found")
    assert "audio" not in text(film, "manifest.mpd")


def test_subtitles_are_named_as_soon_as_they_are_there(database: Database, creator: Person, object_server: str) -> None:
    film = planned(database, creator, tracks_file())
    for rendition in ("360p", "audio", "audio-2"):
        film.encoded_for_show(rendition, 0)
    assert "SUBTITLES" not in text(film, "master.m3u8")
    assert_problem(get(Person(), film, "subtitles-1.m3u8"), 404, "not-found")
    film.run("extract_subtitles")
    master = text(film, "master.m3u8")
    assert 'TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="German",LANGUAGE="de"' in master
    assert 'NAME="Signs",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,URI="subtitles-2.m3u8"' in master
    answer = get(Person(), film, "subtitles-1.m3u8")
    assert answer.headers["Cache-Control"] == "private, max-age=300", "it does not grow"
    (url,) = addresses(answer.text)
    assert fetch(object_server, url).startswith(b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n")
    assert_problem(get(Person(), film, "subtitles-3.m3u8"), 404, "not-found")


# --- private


@pytest.fixture(scope="module")
def hidden(database: Database, creator: Person) -> Film:
    return finished(database, creator, short_file(), "private")


@pytest.mark.parametrize("name", ["master.m3u8", "180p.m3u8", "audio.m3u8", "manifest.mpd", "storyboard.vtt"])
def test_a_private_video_needs_the_token_of_its_owner(hidden: Film, creator: Person, name: str) -> None:
    assert_problem(get(Person(), hidden, name), 404, "not-found")
    assert_problem(get(Person(), hidden, name, token="a.b.c"), 401, "not-authenticated")
    assert get(creator, hidden, name).status_code == 200
    assert creator.token
    assert get(Person(), hidden, name, token=creator.token).status_code == 200


def test_a_token_in_the_address_is_passed_on_to_the_playlists(hidden: Film, creator: Person) -> None:
    assert creator.token
    master = get(Person(), hidden, "master.m3u8", token=creator.token).text
    assert addresses(master) == [f"180p.m3u8?token={creator.token}"]
    assert f'URI="audio.m3u8?token={creator.token}"' in master
    by_header = get(creator, hidden, "master.m3u8").text
    assert "token" not in by_header, "who sends headers goes on doing so"


def test_of_a_deleted_video_there_is_none(database: Database, creator: Person) -> None:
    assert_problem(get(creator, absent(database, creator), "master.m3u8"), 404, "not-found")


# --- kept


@pytest.fixture(params=["memory", "redis"])
def kept_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "redis":
        monkeypatch.setenv("REDIS_URL", need("redis"))


NAMES = ["master.m3u8", "480p.m3u8", "audio.m3u8", "manifest.mpd", "storyboard.vtt"]


@pytest.mark.usefixtures("kept_in")
@pytest.mark.parametrize("name", NAMES)
def test_a_ready_video_s_is_made_once(ready: Film, name: str) -> None:
    film = ready.twin()
    with metered() as reads:
        first = get(Person(), film, name)
        second = get(ready.owner, film, name)
    assert reads == {"miss": 1, "hit": 1}
    assert (second.status_code, second.data, second.content_type) == (200, first.data, first.content_type)
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"]


@pytest.mark.usefixtures("kept_in")
def test_what_is_kept_has_nobody_s_token(ready: Film, creator: Person) -> None:
    film = ready.twin()
    assert creator.token
    assert creator.token in get(Person(), film, "master.m3u8", token=creator.token).text
    with metered() as reads:
        assert "token" not in get(Person(), film, "master.m3u8").text
    assert reads == {"hit": 1}


@pytest.mark.usefixtures("kept_in")
def test_what_is_kept_is_for_those_who_may_see_the_video_now(ready: Film, creator: Person) -> None:
    film = ready.twin()
    assert get(Person(), film, "master.m3u8").status_code == 200
    film.set(visibility="private")
    assert get(creator, film, "master.m3u8").status_code == 200
    with metered() as reads:
        assert_problem(get(Person(), film, "master.m3u8"), 404, "not-found")
    assert reads == {}, "who may not see it does not come to the cache"


@pytest.mark.usefixtures("kept_in")
@pytest.mark.parametrize(
    "change",
    [
        "update video set title = title where id = %(id)s",
        "delete from replica where object_key = %(key)s and node_id = 'node-1'",
        "insert into replica (object_key, node_id) values (%(key)s, 'node-1')",
        "update replica set placed_at = now() where object_key = %(key)s",
        "update node set weight = weight + 1 where id = 'node-1'",
        "delete from object where key = %(key)s",
    ],
)
def test_a_change_is_seen_at_once(ready: Film, database: Database, change: str) -> None:
    film = ready.twin()
    key = store_bytes(f"videos/{film.id}/480p/9-0123abcd.m4s", b"a segment", film.id)
    database.all("delete from replica where object_key = %s and node_id = 'node-1'", (key,))
    database.all("insert into replica (object_key, node_id) values (%s, 'node-2') on conflict do nothing", (key,))
    if "insert" not in change:
        database.all("insert into replica (object_key, node_id) values (%s, 'node-1')", (key,))
    get(Person(), film, "master.m3u8")
    with metered() as reads:
        get(Person(), film, "master.m3u8")
        database.all(change, {"id": film.id, "key": key})
        get(Person(), film, "master.m3u8")
    assert reads == {"hit": 1, "miss": 1}


@pytest.mark.usefixtures("kept_in")
@pytest.mark.parametrize(("name", "value"), [("JWT_SECRET", "another secret for tests only"), ("CACHE_SECONDS", "0")])
def test_a_change_of_the_settings_is_seen_at_once(
    ready: Film, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = ready.twin()
    before = get(Person(), film, "480p.m3u8").text
    monkeypatch.setenv(name, value)
    with metered() as reads:
        after = get(Person(), film, "480p.m3u8").text
    assert not reads["hit"]
    assert (after == before) == (name == "CACHE_SECONDS")


def test_while_segments_arrive_nothing_is_kept(database: Database, creator: Person, object_server: str) -> None:
    film = planned(database, creator, long_file())
    for rendition in ("480p", "360p", "audio"):
        film.encoded_for_show(rendition, 0)
    with metered() as reads:
        first = text(film, "480p.m3u8")
        film.encoded_for_show("480p", 1)
        assert len(addresses(text(film, "480p.m3u8"))) == len(addresses(first)) + 1
    assert reads == {}


def test_without_redis_manifests_go_on(ready: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    film = ready.twin()
    assert [get(Person(), film, name).status_code for name in (*NAMES, *NAMES)] == [200] * 10


# --- watched


def test_a_view_is_noted_once_an_hour(ready: Film, database: Database) -> None:
    film = ready.twin()
    for name in ("master.m3u8", "360p.m3u8", "master.m3u8"):
        text(film, name)
    watched = "select extract(epoch from now() - at)::int as ago from watched where video_id = %s"
    before = database.one("select at from watched where video_id = %s", (film.id,))
    assert before is not None
    text(film, "master.m3u8")
    assert database.one("select at from watched where video_id = %s", (film.id,)) == before
    database.all("update watched set at = now() - interval '61 minutes' where video_id = %s", (film.id,))
    text(film, "master.m3u8")
    (row,) = database.all(watched, (film.id,))
    assert row["ago"] < 3600
    assert film.sent(VideoRecalled) == []


def test_the_first_view_of_a_frozen_video_recalls_it(ready: Film, database: Database) -> None:
    film = ready.twin()
    key = store_bytes(f"videos/{film.id}/360p/9-0123abcd.m4s", b"frozen", film.id)
    database.all(
        "insert into shard (object_key, number, node_id, size, sha256, key)"
        " values (%s, 0, 'node-1', 2, '', 'shards/0')",
        (key,),
    )
    for _ in range(2):
        text(film, "master.m3u8")
    assert film.sent(VideoRecalled) == [VideoRecalled(film.id)]


def test_what_was_refused_was_not_watched(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    assert get(Person(), film, "master.m3u8").status_code == 409
    assert database.all("select 1 from watched where video_id = %s", (film.id,)) == []
