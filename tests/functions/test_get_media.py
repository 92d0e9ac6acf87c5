"""get_media: what a DASH manifest names, by its short URLs; and that FFmpeg opens manifests and what they lead to."""

from collections.abc import Iterator

import pytest

from shared.objects import signing
from shared.storage.io.urls import granted_folder
from tests.conftest import Database
from tests.films.film import Film, finished, tracks_file
from tests.films.playing import decoded, played, serve, streams
from tests.functions.deleting import delete
from tests.functions.people import Person, account, assert_problem


@pytest.fixture(scope="module")
def film(database: Database, creator: Person, object_server: str) -> Film:
    return finished(database, creator, tracks_file())


@pytest.fixture(scope="module")
def address(wadi: object) -> Iterator[str]:
    with serve() as url:
        yield url


def media(film: Film, file: str, grant: str = "") -> str:
    return f"/api/media/{grant or granted_folder(film.id)}/files/{file}"


def test_a_segment_its_init_segment_and_a_text(film: Film, database: Database) -> None:
    (row,) = database.all(
        "select * from media_segment where video_id = %s and rendition = 'audio-2' and index = 1", (film.id,)
    )
    (text,) = database.all("select * from subtitle where video_id = %s and rendition = 'subtitles-2'", (film.id,))
    for file, key in {
        "audio-2.1.m4s": row["object_key"],
        "audio-2.1.mp4": row["init_key"],
        "subtitles-2.vtt": text["object_key"],
    }.items():
        answer = Person().get("get_media", media(film, file))
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
        assert key in answer.headers["Location"]


@pytest.mark.parametrize("file", ["audio-2.3.m4s", "240p.0.m4s", "subtitles-3.vtt", "audio.0.mp3", "master.m3u8"])
def test_what_is_not_there(film: Film, file: str) -> None:
    assert_problem(Person().get("get_media", media(film, file)), 404, "not-found")


def test_a_permission_is_for_one_video_and_not_for_ever(film: Film) -> None:
    good = granted_folder(film.id)
    other = film.twin()
    subject, expires, signature = good.split(".")
    for bad in (
        f"{other.id}.{expires}.{signature}",
        f"{subject}.{int(expires, 16) + 1:x}.{signature}",
        f"{subject}.{expires}.{signature[:-1]}x",
        signing.grant(film.id, 1000),
        film.id,
        "x",
    ):
        assert_problem(Person().get("get_media", media(film, "360p.0.m4s", bad)), 403, "invalid-signature")


def test_of_a_deleted_video_there_is_nothing(database: Database, film: Film) -> None:
    gone = film.twin()
    gone.owner = account(database, "Bob")
    gone.set(owner_id=gone.owner.user_id)
    assert Person().get("get_media", media(gone, "360p.0.m4s")).status_code == 302
    assert delete(gone.owner, gone.id).status_code == 204
    assert_problem(Person().get("get_media", media(gone, "360p.0.m4s")), 404, "not-found")


# --- FFmpeg, and so mpv and VLC


@pytest.fixture(params=["manifest.mpd", "master.m3u8"])
def manifest(request: pytest.FixtureRequest, film: Film, address: str) -> str:
    return f"{address}/api/videos/{film.id}/manifest/{request.param}"


def test_ffmpeg_sees_every_track(manifest: str) -> None:
    found = streams(manifest)
    assert sorted(found) == [
        ("Audio", "de"),
        ("Audio", "en"),
        ("Subtitle", ""),
        ("Subtitle", "de"),
        ("Video", ""),
        ("Video", ""),
    ]


def test_ffmpeg_decodes_every_picture_and_all_sound(film: Film, manifest: str) -> None:
    segments = film.segments()
    made = {
        name: sum(each["frames"] for each in segments if each["rendition"] == name)
        for name in ("360p", "480p", "audio", "audio-2")
    }
    assert made["360p"] == made["480p"] == 140
    assert sorted(decoded(manifest, "-map", "0:v", "-map", "0:a").values()) == sorted(made.values())


@pytest.mark.parametrize("number", [0, 1])
def test_ffmpeg_reads_the_subtitles(manifest: str, number: int) -> None:
    text = played(manifest, "-map", f"0:s:{number}", "-f", "srt", "-")
    assert "00:00:20,000 --> 00:00:28,000\nBis zum Ende" in text
    if manifest.endswith(".mpd"):  # of a WebVTT rendition of HLS, FFmpeg loses the cues that it probes the format with
        assert "00:00:00,500 --> 00:00:02,000\nGuten <b>Tag</b> & <i>willkommen</i>\nin der Wüste" in text
        assert text.count("-->") == 3
