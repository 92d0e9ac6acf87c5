"""get_video: one video as the API shows it, to those who may see it."""

import pytest

from shared.identity import Role
from shared.runtime.serve import create_app
from tests.conftest import Database
from tests.films.film import Film, absent, finished, planned, short_file, tracks_file, uploaded
from tests.functions.people import Person, account, assert_problem


def get(person: Person, film: Film):  # type: ignore[no-untyped-def]
    return person.get("get_video", f"/api/videos/{film.id}")


def test_a_ready_video_has_all_there_is_to_know(database: Database, creator: Person, object_server: str) -> None:
    film = finished(database, creator, short_file())
    video = get(Person(), film).json
    manifests = f"{object_server}/api/videos/{film.id}/manifest"
    assert (
        video.items()
        >= {
            "id": film.id,
            "title": film.row["title"],
            "description": "",
            "tags": [],
            "visibility": "public",
            "owner_id": creator.user_id,
            "state": "ready",
            "duration_s": 2.4,
            "width": 320,
            "height": 180,
            "hls_url": f"{manifests}/master.m3u8",
            "dash_url": f"{manifests}/manifest.mpd",
            "storyboard_url": f"{manifests}/storyboard.vtt",
        }.items()
    )
    assert 0 < video["playable_after_s"] <= video["ready_after_s"]
    assert f"videos/{film.id}/poster-" in video["poster_url"]
    assert "signature=" in video["poster_url"]
    assert "reason" not in video


def test_the_chapters_of_the_file_are_marks_on_the_timeline(database: Database, creator: Person) -> None:
    video = get(creator, planned(database, creator, tracks_file())).json
    assert video["chapters"] == [
        {"start_s": 0.0, "end_s": 10.0, "title": "Morning"},
        {"start_s": 12.0, "end_s": 28.0, "title": "Evening & night"},  # the file says 99 s
    ]
    assert "chapters" not in get(creator, planned(database, creator, short_file())).json


def test_a_new_video_has_only_what_is_known_yet(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    video = get(creator, film).json
    assert video["state"] == "uploaded"
    unknown = {"reason", "duration_s", "width", "height", "poster_url", "storyboard_url", "playable_after_s"}
    assert unknown & video.keys() == set()


def test_a_failed_video_says_why(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.set(state="failed", reason="It rained.")
    assert get(Person(), film).json.items() >= {"state": "failed", "reason": "It rained."}.items()


@pytest.mark.parametrize("role", list(Role))
def test_a_private_video_is_for_its_owner_and_administrators(database: Database, creator: Person, role: Role) -> None:
    film = uploaded(database, creator, short_file(), "private")
    somebody = account(database, "Somebody", role)
    assert get(creator, film).status_code == 200
    if role is Role.ADMIN:
        assert get(somebody, film).json["visibility"] == "private"
    else:
        assert_problem(get(somebody, film), 404, "not-found")
    assert_problem(get(Person(), film), 404, "not-found")


def test_what_is_not_there_and_what_one_may_not_see_look_the_same(database: Database, creator: Person) -> None:
    hidden = uploaded(database, creator, short_file(), "private")
    missing = absent(database, creator)
    answers = [get(Person(), film).text.replace(film.id, "…") for film in (hidden, missing)]
    assert answers[0] == answers[1]


def test_a_bad_token_is_refused_even_where_none_is_needed(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, short_file())
    assert_problem(get(Person("a.b.c"), film), 401, "not-authenticated")


def test_links_use_the_name_that_the_client_used(
    database: Database, creator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = planned(database, creator, short_file())
    monkeypatch.setenv("PUBLIC_URL", "")
    told = {"X-Forwarded-Host": "tv.lan:9000", "X-Forwarded-Proto": "https"}
    video = create_app("get_video").test_client().get(f"/api/videos/{film.id}", headers=told).get_json()
    assert video["hls_url"].startswith("https://tv.lan:9000/api/")
    for public in ("https://films.example/", "https://films.example/video", "https://films.example/video/"):
        monkeypatch.setenv("PUBLIC_URL", public)
        video = create_app("get_video").test_client().get(f"/api/videos/{film.id}", headers=told).get_json()
        assert video["hls_url"].startswith(f"{public.rstrip('/')}/api/")


@pytest.mark.parametrize(
    ("prefix", "before"),
    [
        ("/video", "/video"),
        ("/tv/films/", "/tv/films"),
        ("", ""),
        ("/", ""),
        ("video", ""),
        ("//evil.example", ""),
        ("/a b", ""),
        ('/"><script>', ""),
    ],
)
def test_links_have_the_path_that_a_proxy_took_off(
    database: Database, creator: Person, monkeypatch: pytest.MonkeyPatch, prefix: str, before: str
) -> None:
    film = planned(database, creator, short_file())
    monkeypatch.setenv("PUBLIC_URL", "")
    told = {"X-Forwarded-Host": "tv.lan", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": prefix}
    video = create_app("get_video").test_client().get(f"/api/videos/{film.id}", headers=told).get_json()
    assert video["hls_url"].startswith(f"https://tv.lan{before}/api/")


def test_the_poster_lies_below_the_path_of_the_public_url(
    database: Database, creator: Person, object_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = finished(database, creator, short_file())
    monkeypatch.setenv("PUBLIC_URL", "https://films.example/video")
    video = get(creator, film).get_json()
    assert video["poster_url"].startswith("https://films.example/video/objects/node-")
